import json
import struct

import httpx
import orjson
import pytest

from gateway.catalog.catalog import Catalog, ServedModel, ServedVersion
from gateway.catalog.default_models import default_model
from gateway.dialects import hugging_face, openai, tei
from gateway.dialects.error_body import error_body, error_status, internal_error
from gateway.errors import INTERNAL_ERROR, InvalidRequest, MalformedRequest, NotFound, TooLarge, UnsupportedOption
from gateway.observability.observe import Observe
from gateway.request.prediction import Item, Prediction
from gateway.request.request_limits import MAX_ITEMS

EMBEDDING = {"dimension": 4, "pooling": "mean", "normalize": True}


@pytest.fixture
def embedder(manifest):
    def make(**settings):
        return manifest(task="feature-extraction", labels=(), max_length=9, postprocessing={**EMBEDDING, **settings})

    return make


@pytest.fixture
def ranker(manifest):
    return manifest(task="text-ranking", labels=(), max_length=9, postprocessing={})


def as_sent(answer):
    """What a client reads."""
    return orjson.loads(orjson.dumps(answer))


def embedding(*numbers, tokens=5):
    return struct.pack(f"<{len(numbers)}fi", *numbers, tokens)


def asked(ask, body, version, max_text_bytes=100):
    return ask(json.dumps(body).encode(), version, max_text_bytes)


def embeddings(body, version):
    return openai.ask_embeddings(openai.parse_embeddings(json.dumps({"model": "m", **body}).encode()), version, 100)


def test_openai_input_is_a_text_or_texts(embedder):
    assert embeddings({"input": "öl"}, embedder()).items == [Item("öl".encode())]
    assert embeddings({"input": ["a", "b"]}, embedder()).items == [Item(b"a"), Item(b"b")]
    with pytest.raises(TooLarge, match=r"input\.1 has 101 bytes"):
        embeddings({"input": ["a", "b" * 101]}, embedder())


@pytest.mark.parametrize(
    ("body", "param", "sentence"),
    [
        ({"input": [[1, 2]]}, "input", "token ids are not taken.*check_embedding_ctx_length=False"),
        ({"input": []}, "input", "a list of one or more texts"),
        ({"input": ["a"] * (MAX_ITEMS + 1)}, "input", "a list of one or more texts"),
        ({}, "input", "Field required"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format", "must be float or base64"),
        ({"input": "a", "dimensions": 0}, "dimensions", "greater than or equal to 1"),
        ({"input": "a", "a s3cret": 1}, None, "a field that is not known"),
    ],
)
def test_openai_faults_name_their_parameter_and_repeat_no_input(body, param, sentence):
    with pytest.raises(InvalidRequest, match=sentence) as caught:
        openai.parse_embeddings(json.dumps({"model": "m", **body}).encode())
    assert caught.value.param == param
    assert "s3cret" not in caught.value.message
    with pytest.raises(MalformedRequest):
        openai.parse_embeddings(b"{")


def test_embeddings_that_are_cut_have_length_one_again(embedder):
    version = embedder(matryoshka_dimensions=(2, 4))
    rows = [embedding(3, 4, 0, 12, tokens=12)]
    answer = as_sent(embeddings({"input": "a", "dimensions": 2}, version).render(Prediction(version, rows)))
    assert answer["data"] == [{"object": "embedding", "index": 0, "embedding": pytest.approx([0.6, 0.8])}]
    assert answer["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
    with pytest.raises(UnsupportedOption, match="trained for 2, 4"):
        embeddings({"input": "a", "dimensions": 3}, version)
    assert embeddings({"input": "a", "dimensions": 4}, embedder()).render(Prediction(version, rows))["data"]


def test_a_model_without_normalization_is_cut_without_it(embedder):
    version = embedder(normalize=False, matryoshka_dimensions=(2,))
    rows = [embedding(3, 4, 0, 12)]
    answer = as_sent(embeddings({"input": "a", "dimensions": 2}, version).render(Prediction(version, rows)))
    assert answer["data"][0]["embedding"] == [3, 4]


def test_tei_embeddings_have_length_one_unless_told_otherwise(embedder):
    raw = embedder(normalize=False)
    rows = [embedding(3, 4, 0, 0)]
    assert as_sent(asked(tei.ask_embed, {"inputs": "a"}, raw).render(Prediction(raw, rows))) == [pytest.approx([0.6, 0.8, 0, 0])]
    assert as_sent(asked(tei.ask_embed, {"inputs": "a", "normalize": False}, raw).render(Prediction(raw, rows))) == [[3, 4, 0, 0]]
    assert asked(tei.ask_embed, {"inputs": "a", "normalize": False}, raw).items == [Item(b"a")]
    assert asked(tei.ask_embed, {"inputs": "a", "normalize": False}, embedder()).items == [Item(b"a", None, b'{"normalize":false}')]


def test_tei_cuts_texts_unless_told_otherwise(embedder):
    version = embedder()
    prediction = Prediction(version, [embedding(1, 0, 0, 0), embedding(1, 0, 0, 0, tokens=12)])
    for allowed in ({}, {"truncate": True}):
        assert len(asked(tei.ask_embed, {"inputs": ["a", "b"], **allowed}, version).render(prediction)) == 2
    with pytest.raises(TooLarge, match="input 1 has 12 tokens, and the model reads 9"):
        asked(tei.ask_embed, {"inputs": ["a", "b"], "truncate": False}, version).render(prediction)


def test_tei_predict_tells_a_pair_from_a_list_of_texts(manifest):
    pairs, single = manifest(postprocessing={"text_pair": True}), manifest()
    assert asked(tei.ask_predict, {"inputs": ["a", "b"]}, pairs).items == [Item(b"a", b"b")]
    assert asked(tei.ask_predict, {"inputs": [["a", "b"], ["c", "d"]]}, pairs).items == [Item(b"a", b"b"), Item(b"c", b"d")]
    assert asked(tei.ask_predict, {"inputs": [["a"], ["b"]]}, single).items == [Item(b"a"), Item(b"b")]
    for body, version in ((["a", "b"], single), ([["a"]], pairs), (["a", "b", "c"], single), (["a", ["b"]], single)):
        with pytest.raises(InvalidRequest, match=r"^inputs: "):
            asked(tei.ask_predict, {"inputs": body}, version)


@pytest.mark.parametrize(
    ("own", "raw_scores", "options"),
    [
        ("sigmoid", None, b""),
        ("sigmoid", False, b""),
        ("sigmoid", True, b'{"function_to_apply":"none"}'),
        ("identity", None, b""),
        ("identity", True, b""),
        ("identity", False, b'{"function_to_apply":"sigmoid"}'),
    ],
)
def test_tei_raw_scores_are_logits_and_others_are_from_0_to_1(manifest, own, raw_scores, options):
    version = manifest(task="text-ranking", labels=(), postprocessing={"function": own})
    body = {"query": "q", "texts": ["a"], "raw_scores": raw_scores}
    assert asked(tei.ask_rerank, body, version).items == [Item(b"q", b"a", options)]


def test_tei_predicts_raw_scores_too(manifest):
    assert asked(tei.ask_predict, {"inputs": "a", "raw_scores": True}, manifest()).items == [
        Item(b"a", None, b'{"function_to_apply":"none"}')
    ]
    assert asked(tei.ask_predict, {"inputs": "a", "raw_scores": False}, manifest()).items == [Item(b"a")]


PROMPTS = {"query": "query: ", "document": "passage: ", "clustering": "cluster: "}


@pytest.mark.parametrize(
    ("input_type", "options"),
    [
        ("query", b'{"input_type":"query"}'),
        ("search_query", b'{"input_type":"query"}'),
        ("passage", b'{"input_type":"document"}'),
        ("search_document", b'{"input_type":"document"}'),
        ("clustering", b'{"prompt_name":"clustering"}'),
    ],
)
def test_a_type_of_input_chooses_the_prompt_of_models_that_have_some(embedder, input_type, options):
    assert embeddings({"input": "a", "input_type": input_type}, embedder(prompts=PROMPTS)).items == [Item(b"a", None, options)]
    assert embeddings({"input": "a", "input_type": input_type}, embedder()).items == [Item(b"a")]


def test_a_prompt_that_the_model_does_not_have_is_refused(embedder):
    assert asked(tei.ask_embed, {"inputs": "a", "prompt_name": "query"}, embedder(prompts=PROMPTS)).items == [
        Item(b"a", None, b'{"prompt_name":"query"}')
    ]
    for version, sentence in ((embedder(prompts=PROMPTS), "has the prompts query, document, clustering"), (embedder(), "has no prompts")):
        with pytest.raises(InvalidRequest, match=f"^prompt_name: this model {sentence}"):
            asked(tei.ask_embed, {"inputs": "a", "prompt_name": "title"}, version)
    with pytest.raises(InvalidRequest, match=r"^input_type: this model has prompts, and none for classification"):
        embeddings({"input": "a", "input_type": "classification"}, embedder(prompts=PROMPTS))


@pytest.mark.parametrize(("wanted", "options"), [(True, b""), (False, b'{"normalize":false}'), (None, b"")])
def test_vllms_use_activation_is_normalization(embedder, wanted, options):
    assert embeddings({"input": "a", "use_activation": wanted}, embedder()).items == [Item(b"a", None, options)]
    raw = embedder(normalize=False)
    [one] = as_sent(embeddings({"input": "a", "use_activation": wanted}, raw).render(Prediction(raw, [embedding(3, 4, 0, 0)])))["data"]
    assert one["embedding"] == pytest.approx([0.6, 0.8, 0, 0] if wanted else [3, 4, 0, 0])


def test_pipelines_share_the_items_of_other_dialects(manifest):
    version = manifest(task="question-answering", labels=(), postprocessing={})
    body = {"inputs": {"question": "q", "context": "c"}, "parameters": {"top_k": 2, "max_answer_len": 5}}
    assert asked(hugging_face.ask, body, version).items == [Item(b"q", b"c", b'{"max_answer_length":5,"top_k":2}')]
    assert asked(hugging_face.ask, {"inputs": body["inputs"]}, version).items == [Item(b"q", b"c")]


def test_a_pipeline_of_embeddings_compares_where_the_inputs_are_sentences_to_compare(embedder):
    version = embedder()
    ask = asked(hugging_face.ask, {"inputs": {"source_sentence": "a", "sentences": ["b"]}, "parameters": {}}, version)
    assert ask.items == [Item(b"a"), Item(b"b")]
    assert ask.render(Prediction(version, [embedding(1, 0, 0, 0), embedding(0.6, 0.8, 0, 0)])) == pytest.approx([0.6])
    assert asked(hugging_face.ask, {"inputs": "a"}, version).items == [Item(b"a")]
    with pytest.raises(MalformedRequest):
        hugging_face.ask(b"{", version, 100)


def test_entities_carry_their_words_by_characters(manifest):
    version = manifest(task="token-classification", labels=("O", "B-X"), postprocessing={})
    row = json.dumps([{"label": "X", "score": 0.5, "start": 1, "end": 3}]).encode() + struct.pack("<i", 5)
    ask = asked(hugging_face.ask, {"inputs": "äöüß"}, version)
    assert ask.render(Prediction(version, [row])) == [{"entity_group": "X", "score": 0.5, "word": "öü", "start": 1, "end": 3}]


def test_errors_have_the_shape_of_their_path():
    assert error_body("/v1/embeddings", 404, "no such model", "model") == {
        "error": {"message": "no such model", "type": "not_found_error", "param": "model", "code": "model_not_found"}
    }
    for path in ("/v1/models", "/v1/models/a", "/v1/chat/completions", "/openai/deployments/a/embeddings", "/embeddings"):
        assert error_body(path, 404, "no such path")["error"]["code"] is None
        assert (error_status(path, 422), error_status(path, 413)) == (400, 413)
    # Cohere's clients read the message, those of vLLM and Jina the error
    assert error_body("/v2/rerank", 400, "wrong")["message"] == error_body("/v2/rerank", 400, "wrong")["error"]["message"]
    assert error_body("/v1/embeddings", 503, "gone")["error"]["type"] == "server_error"
    assert error_body("/models/a/embed", 422, "wrong") == {"error": "wrong", "error_type": "Validation"}
    for path in ("/v1/models/a:predict", "/v1/admin/keys", "/v1/cache", "/v2/models/a/infer"):
        assert (error_body(path, 422, "wrong"), error_status(path, 422)) == ({"error": "wrong"}, 422)


def test_the_default_model_is_the_configured_one_or_the_only_one(manifest, embedder, ranker):
    def served(name, version):
        return ServedModel(name, {1: ServedVersion(version, ready=True)}, instances=1, max_batch_size=8)

    catalog = Catalog({"a": served("a", embedder()), "b": served("b", embedder()), "r": served("r", ranker)})
    assert default_model("rerank", {}, catalog) == "r"
    assert default_model("embed", {"embed": "b"}, catalog) == "b"
    with pytest.raises(NotFound, match=r"there are: a, b\); name one in the path or the body, or set HEADRACE_DEFAULT_MODELS=embed=MODEL"):
        default_model("embed", {}, catalog)
    with pytest.raises(NotFound, match="there is none"):
        default_model("predict", {}, catalog)
    with pytest.raises(NotFound, match="root=MODEL"):
        default_model("root", {}, catalog)


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/embeddings", {"error": {"message": INTERNAL_ERROR, "type": "server_error", "param": None, "code": None}}),
        ("/models/tiny/embed", {"error": INTERNAL_ERROR, "error_type": "Backend"}),
        ("/v1/models/tiny:predict", {"error": INTERNAL_ERROR}),
    ],
)
async def test_a_fault_of_our_own_is_told_in_the_dialects_shape(path, shape):
    async def broken(scope, receive, send):
        raise ZeroDivisionError

    async with httpx.AsyncClient(transport=httpx.ASGITransport(Observe(broken, internal_error)), base_url="http://gateway") as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()) == (500, shape)
