import base64
import json
import struct

import numpy as np
import orjson
import pytest

from gateway.dialects import cohere_embed
from gateway.errors import InvalidRequest, TooLarge, UnsupportedOption
from gateway.request.prediction import Item, Prediction

NUMBERS = (0.5, -0.25, 0.0, 1.0, -1.0, 0.125, -0.5, 0.75)


@pytest.fixture
def embedder(manifest):
    def make(**settings):
        settings = {"dimension": len(NUMBERS), "pooling": "mean", "normalize": True, **settings}
        return manifest(task="feature-extraction", labels=(), max_length=9, postprocessing=settings)

    return make


def as_sent(answer):
    """What a client reads."""
    return orjson.loads(orjson.dumps(answer))


def asked(version, api_version="2", **body):
    body = {"model": "m", "texts": ["a"]} | body
    return cohere_embed.ask_embed(cohere_embed.parse_embed(json.dumps(body).encode()), version, "r-1", 100, api_version)


def answered(version, *, tokens=5, **body):
    return as_sent(asked(version, **body).render(Prediction(version, [struct.pack("<8fi", *NUMBERS, tokens)])))


def test_texts_come_as_such_or_as_inputs(embedder):
    assert asked(embedder(), texts=["a", "b"]).items == [Item(b"a"), Item(b"b")]
    inputs = [{"content": [{"type": "text", "text": text}]} for text in ("a", "b")]
    assert asked(embedder(), texts=None, inputs=inputs).items == [Item(b"a"), Item(b"b")]
    with pytest.raises(InvalidRequest, match=r"^texts: give either texts or inputs"):
        asked(embedder(), inputs=inputs)


def test_each_version_has_its_shape(embedder):
    """Cohere's Python client tells the two shapes apart by `response_type`."""
    second, first = answered(embedder()), answered(embedder(), api_version="1")
    assert (second["response_type"], second["embeddings"]) == ("embeddings_by_type", {"float": [list(NUMBERS)]})
    assert (first["response_type"], first["embeddings"]) == ("embeddings_floats", [list(NUMBERS)])
    assert answered(embedder(), api_version="1", embedding_types=["float"])["embeddings"] == {"float": [list(NUMBERS)]}
    # @ai-sdk/cohere: meta: z.object({ billed_units: z.object({ input_tokens: z.number() }) })
    assert second["meta"]["billed_units"]["input_tokens"] == 5
    assert (second["texts"], second["meta"]["api_version"]) == (["a"], {"version": "2"})


def test_types_are_those_of_sentence_transformers_and_numpy(embedder):
    types = answered(embedder(), embedding_types=["float", "base64", "binary", "ubinary"])["embeddings"]
    packed = np.packbits(np.array([NUMBERS]) > 0, axis=-1)  # quantize_embeddings of sentence-transformers
    assert types["ubinary"] == packed.tolist()
    assert types["binary"] == (packed - 128).astype(np.int8).tolist()
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(types["base64"][0]), "<f4"), NUMBERS)


def test_an_output_dimension_must_be_one_that_the_model_was_trained_for(embedder):
    trained = embedder(matryoshka_dimensions=(4,))
    cut = np.array(NUMBERS[:4]) / np.linalg.norm(NUMBERS[:4])
    np.testing.assert_allclose(answered(trained, output_dimension=4)["embeddings"]["float"][0], cut, rtol=1e-6)
    with pytest.raises(UnsupportedOption, match=r"^output_dimension: this model was trained for 4, 8"):
        asked(trained, output_dimension=5)
    with pytest.raises(InvalidRequest, match=r"^embedding_types: 4 bits are no whole number of bytes"):
        asked(trained, output_dimension=4, embedding_types=["binary"])


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("embedding_types", ["int8"], "int8 and uint8 need ranges of numbers that nobody measured"),
        ("images", ["data:image/png;base64,AA=="], "this model reads texts"),
        ("input_type", "image", "must be search_query, search_document"),
        ("texts", [], "a list of 1 to"),
        ("inputs", [{"content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "with one text"),
        ("truncate", "LEFT", "must be NONE, START or END"),
        ("dimensions", 4, "there is no such field"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(embedder, field, value, sentence):
    with pytest.raises(InvalidRequest, match=f"^{field}: .*{sentence}"):
        asked(embedder(), **{field: value})


@pytest.mark.parametrize(
    ("field", "value", "error"), [("truncate", "NONE", TooLarge), ("truncate", "START", InvalidRequest), ("max_tokens", 7, InvalidRequest)]
)
def test_another_cut_is_obeyed_where_it_changes_nothing_and_else_refused(embedder, field, value, error):
    assert answered(embedder(), tokens=7, **{field: value})["embeddings"]
    with pytest.raises(error, match="input 0 has 10 tokens"):
        answered(embedder(), tokens=10, **{field: value})
