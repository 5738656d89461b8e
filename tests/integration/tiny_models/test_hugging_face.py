"""The unchanged `huggingface_hub.InferenceClient` against the gateway; TEI's paths and flags."""

import httpx
import numpy as np
import pytest
import requests
import torch
import transformers
from huggingface_hub import AsyncInferenceClient, InferenceClient, configure_http_backend

pytestmark = pytest.mark.integration


@pytest.fixture
def client(tasks_gateway):
    """Makes a client of a model, or of the gateway's root."""

    def make(model=None):
        url = tasks_gateway.url if model is None else f"{tasks_gateway.url}/models/{model}"
        return InferenceClient(url, provider="hf-inference")

    # HF_HUB_OFFLINE, which keeps the tests from the Hub, would keep them from the gateway, too
    configure_http_backend(requests.Session)
    yield make
    configure_http_backend()


@pytest.fixture
def predicted(tasks_gateway):
    def predict(model, *instances, **parameters):
        body = {"instances": list(instances), "parameters": parameters}
        return httpx.post(f"{tasks_gateway.url}/v1/models/{model}:predict", json=body, timeout=30).json()["predictions"]

    return predict


@pytest.fixture
def post(tasks_gateway):
    def post(path, headers=None, **body):
        return httpx.post(tasks_gateway.url + path, json=body, headers=headers, timeout=30)

    return post


def test_feature_extraction(client, predicted, tasks_repository):
    text = tasks_repository.texts[0]
    embedding = client("raw-embeddings").feature_extraction(text)
    [raw] = np.array(predicted("raw-embeddings", text))
    assert embedding.shape == (1, 32)
    np.testing.assert_allclose(embedding[0], raw / np.linalg.norm(raw), atol=1e-6)  # TEI normalizes unless told otherwise
    np.testing.assert_allclose(client("raw-embeddings").feature_extraction(text, normalize=False)[0], raw, atol=1e-6)


def test_sentence_similarity(client, predicted, tasks_repository):
    source, *others = tasks_repository.texts[:4]
    vectors = np.array(predicted("raw-embeddings", source, *others))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(client("raw-embeddings").sentence_similarity(source, others), vectors[1:] @ vectors[0], atol=1e-6)


def test_text_classification(client, predicted, tasks_repository):
    text = tasks_repository.texts[0]
    [expected] = predicted("weather", text, top_k=3)
    for asked in (client("weather"), client()):
        assert [(one.label, one.score) for one in asked.text_classification(text)] == [(one["label"], one["score"]) for one in expected]
    assert len(client("weather").text_classification(text, top_k=1, function_to_apply="softmax")) == 1


@pytest.mark.parametrize("function", ["sigmoid", "softmax", "none"])
def test_functions_to_apply_are_those_of_the_pipeline(client, post, tasks_repository, function):
    text = tasks_repository.texts[0]
    pipeline = transformers.pipeline("text-classification", tasks_repository.checkpoint("weather"), top_k=None, device="cpu")
    expected = {one["label"]: one["score"] for one in pipeline([text], function_to_apply=function)[0]}
    found = client("weather").text_classification(text, function_to_apply=function)
    assert {one.label: one.score for one in found} == pytest.approx(expected, abs=1e-4)
    if function == "none":
        raw = post("/predict", inputs=text, raw_scores=True).json()
        assert {one["label"]: one["score"] for one in raw} == pytest.approx(expected, abs=1e-4)


def test_embeddings_that_are_not_normalized_are_those_that_were_pooled(post, tasks_repository):
    """As text-embeddings-inference has it: the mean over the tokens, of whatever length."""
    text, checkpoint = tasks_repository.texts[0], tasks_repository.checkpoint("embeddings")
    tokens = transformers.AutoTokenizer.from_pretrained(checkpoint)(text, return_tensors="pt")
    with torch.inference_mode():
        pooled = transformers.AutoModel.from_pretrained(checkpoint)(**tokens).last_hidden_state[0].mean(0).numpy()
    assert abs(np.linalg.norm(pooled) - 1) > 0.01
    units = (f"u-{number}" for number in range(100))
    control = next(
        unit for unit in units if post("/models/embeddings/embed", {"X-Unit-ID": unit}, inputs="a").headers["x-variant"] == "control"
    )
    for path, body in (("embed", {"inputs": text, "normalize": False}), ("v1/embeddings", {"input": text, "use_activation": False})):
        answer = post(f"/models/embeddings/{path}", {"X-Unit-ID": control}, **body).json()
        np.testing.assert_allclose(answer[0] if path == "embed" else answer["data"][0]["embedding"], pooled, atol=1e-4)


def test_ranks_have_logits_where_the_request_wants_them(post, tasks_repository):
    query, *texts = tasks_repository.texts[:3]
    checkpoint = tasks_repository.checkpoint("ranker")
    tokens = transformers.AutoTokenizer.from_pretrained(checkpoint)([query] * 2, texts, return_tensors="pt", padding=True)
    with torch.inference_mode():
        logits = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint)(**tokens).logits[:, 0].tolist()
    ranks = {one["index"]: one["score"] for one in post("/rerank", query=query, texts=texts, raw_scores=True).json()}
    assert [ranks[0], ranks[1]] == pytest.approx(logits, abs=1e-4)
    answer = post("/v1/rerank", model="ranker", query=query, documents=texts, use_activation=False).json()
    assert {one["index"]: one["relevance_score"] for one in answer["results"]} == ranks


def test_token_classification(client, predicted, tasks_repository):
    text = tasks_repository.texts[0]
    [expected] = predicted("entities", text)
    found = client("entities").token_classification(text)
    assert [(e.entity_group, e.start, e.end, e.word) for e in found] == [
        (e["label"], e["start"], e["end"], text[e["start"] : e["end"]]) for e in expected
    ]
    kept = client("entities").token_classification(text, ignore_labels=["O", "PORT"])
    assert [e.entity_group for e in kept] == [e["label"] for e in expected if e["label"] != "PORT"]
    assert all(e.entity for e in client("entities").token_classification(text, aggregation_strategy="none"))
    # a text that fits into one window has no strides
    assert len(client("entities").token_classification(text, stride=4)) == len(expected)


def test_question_answering(client, predicted, tasks_repository):
    context = " ".join(tasks_repository.texts[:3])
    [expected] = predicted("answers", {"question": "alna", "context": context}, top_k=2)
    best = client("answers").question_answering(question="alna", context=context)
    assert (best.answer, best.start, best.end) == (expected[0]["answer"], expected[0]["start"], expected[0]["end"])
    two = client("answers").question_answering(question="alna", context=context, top_k=2)
    assert [one.answer for one in two] == [one["answer"] for one in expected]


def test_zero_shot_classification(client, predicted, tasks_repository):
    text, labels = tasks_repository.texts[0], ["alna", "bero"]
    [expected] = predicted("zero-shot", text, candidate_labels=labels, multi_label=True)
    found = client("zero-shot").zero_shot_classification(text, labels, multi_label=True)
    assert ([one.label for one in found], [one.score for one in found]) == (expected["labels"], expected["scores"])


async def test_async_client(tasks_gateway, tasks_repository):
    client = AsyncInferenceClient(f"{tasks_gateway.url}/models/weather")
    assert len(await client.text_classification(tasks_repository.texts[0])) == 3


def test_info_and_health(client, tasks_gateway):
    info = client("embeddings").get_endpoint_info()
    assert (info["model_id"], info["model_dtype"], info["model_type"]) == ("embeddings", "float32", {"embedding": {"pooling": "mean"}})
    assert client().get_endpoint_info()["model_type"]["classifier"]["id2label"] == {"0": "cold", "1": "mild", "2": "warm"}
    assert (client().health_check(), client("weather").health_check(), client("none").health_check()) == (True, True, False)


def test_predict_takes_texts_pairs_and_lists_as_tei_does(post, predicted, tasks_repository):
    one, other = tasks_repository.texts[:2]
    expected = predicted("weather", one, other, top_k=3)
    assert post("/predict", inputs=one).json() == expected[0]
    assert post("/predict", inputs=[[one], [other]]).json() == expected
    [pair] = predicted("entailment", {"text": one, "text_pair": other}, top_k=3)
    assert post("/models/entailment/predict", inputs=[one, other]).json() == pair
    assert post("/models/entailment/predict", inputs=[[one, other]]).json() == [pair]
    refused = post("/predict", inputs=[one, other])
    assert (refused.status_code, refused.json()["error_type"]) == (422, "Validation")


def test_rerank_uses_the_only_ranker(post, predicted, tasks_repository):
    query, *texts = tasks_repository.texts[:4]
    [expected] = predicted("ranker", {"query": query, "documents": texts})
    answer = post("/rerank", query=query, texts=texts, return_text=True).json()
    assert [(one["index"], one["score"]) for one in answer] == [(one["index"], one["score"]) for one in expected]
    assert all(one["text"] == texts[one["index"]] for one in answer)
    assert post("/models/ranker", query=query, texts=texts).json() == expected


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("/embed", {"inputs": "a", "prompt_name": "query"}, 422, "prompt_name: this model has no prompts"),
        ("/embed", {"inputs": "alna " * 40, "truncation_direction": "Left"}, 422, "has 42 tokens, and this model keeps the first 24"),
        ("/embed", {"inputs": "alna " * 40, "truncate": False}, 413, "has 42 tokens, and the model reads 24"),
        ("/embed", {"inputs": []}, 422, "inputs: must be a text or a list of one or more"),
        ("/embed", {"inputs": [1, 2]}, 422, "inputs: must be a text or a list of one or more"),
        ("/embed", {"inputs": "a", "dimensions": 8}, 422, "can have 32 numbers"),
        ("/embed", {"inputs": "a", "normalise": False}, 422, "normalise: there is no such field"),
        ("/models/weather", {"inputs": "a", "parameters": {"topk": 1}}, 422, "parameters.topk: there is no such field"),
        ("/models/weather/embed", {"inputs": "a"}, 422, "weather is for text-classification"),
        ("/models/none/embed", {"inputs": "a"}, 404, "no such model"),
        ("/models/answers", {"inputs": "a"}, 422, 'inputs: must be {"question": "…", "context": "…"}'),
    ],
)
def test_flags_that_a_model_cannot_obey_are_refused(post, path, body, status, sentence):
    answer = post(path, **body)
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True), answer.text


def test_a_use_with_several_models_needs_the_setting_of_default_models(start_gateway, tasks_triton, tasks_repository):
    gateway = start_gateway(triton_url=tasks_triton.http_url)
    refused = httpx.post(f"{gateway.url}/embed", json={"inputs": "a"})
    assert (refused.status_code, refused.json()["error"]) == (
        404,
        "no default model for feature-extraction (there are: embeddings, raw-embeddings); name one in the path or the body, "
        "or set HEADRACE_DEFAULT_MODELS=embed=MODEL",
    )
    assert httpx.post(f"{gateway.url}/rerank", json={"query": "a", "texts": ["b"]}).status_code == 200
