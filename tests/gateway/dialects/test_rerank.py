import json
import struct

import pytest

from gateway.dialects import rerank
from gateway.errors import InvalidRequest
from gateway.request.prediction import Item, Prediction

MAX_LENGTH = 9


@pytest.fixture
def ranker(manifest):
    return manifest(task="text-ranking", labels=(), max_length=MAX_LENGTH, postprocessing={})


def rows(*scored):
    return [struct.pack("<fi", score, tokens) for score, tokens in scored]


def asked(version, **body):
    body = {"model": "m", "query": "q", "documents": ["a"]} | body
    return rerank.ask_rerank(rerank.parse_rerank(json.dumps(body).encode()), version, "r-1", 100)


def answered(version, *scored, **body):
    return asked(version, **body).render(Prediction(version, rows(*scored)))


def test_documents_are_repeated_unless_the_request_says_otherwise(ranker):
    body = {"documents": ["a", {"text": "b"}]}
    assert asked(ranker, **body).items == [Item(b"q", b"a"), Item(b"q", b"b")]
    whole = answered(ranker, (0.25, 5), (0.75, 20), **body)
    assert (whole["id"], whole["model"], whole["usage"]["total_tokens"]) == ("rerank-r-1", "m", 5 + 9)
    assert whole["results"][0] == {"index": 1, "relevance_score": 0.75, "document": {"text": "b"}}
    fewer = answered(ranker, (0.25, 5), (0.75, 20), **body, return_documents=False, top_n=1)
    assert fewer["results"] == [{"index": 1, "relevance_score": 0.75}]


def test_other_fields_of_a_document_come_back_and_do_not_change_its_place(ranker):
    """Cohere v1: "text is required and all other fields will be preserved in the response"."""
    document = {"text": "b", "title": "Oil", "id": 7}
    assert asked(ranker, documents=[document], rank_fields=["text"]).items == [Item(b"q", b"b")]
    assert answered(ranker, (0.5, 5), documents=[document])["results"][0]["document"] == document


def test_top_n_of_0_is_all_of_them(ranker):
    """vLLM's default."""
    assert len(answered(ranker, (0.25, 5), (0.75, 5), documents=["a", "b"], top_n=0)["results"]) == 2


def test_meta_is_there_for_coheres_clients(ranker):
    answer = answered(ranker, *[(0.5, 5)] * 101, documents=["a"] * 101)
    assert answer["meta"]["billed_units"] == {"input_tokens": 505, "search_units": 2}


@pytest.mark.parametrize(
    "options",
    [
        {"top_n": None, "return_documents": None, "rank_fields": None, "max_chunks_per_doc": None},  # cohere.Client
        {"max_tokens_per_doc": None, "relevant_spans": None, "priority": None},  # cohere.ClientV2
        {"max_tokens_per_doc": 4096, "priority": 999, "max_chunks_per_doc": 1},
        {"truncate_prompt_tokens": -1},  # vLLM
        {"truncate_prompt_tokens": MAX_LENGTH, "truncation_side": "right", "use_activation": True},
        {"raw_scores": False},  # Infinity
    ],
)
def test_options_that_ask_for_what_the_model_does_are_taken(ranker, options):
    [result] = answered(ranker, (0.5, 20), **options)["results"]
    assert result == {"index": 0, "relevance_score": 0.5, "document": {"text": "a"}}


CUTS = [("max_tokens_per_doc", 8), ("truncate_prompt_tokens", 8), ("truncation_side", "left"), ("max_chunks_per_doc", 10)]


@pytest.mark.parametrize(("field", "value"), CUTS)
def test_another_cut_is_obeyed_where_it_changes_nothing_and_else_refused(ranker, field, value):
    assert answered(ranker, (0.5, 8), **{field: value})["results"]
    with pytest.raises(InvalidRequest, match=rf"^{field}: \w+ 0 has 20 tokens") as caught:
        answered(ranker, (0.5, 20), **{field: value})
    assert caught.value.param == field


@pytest.mark.parametrize(("field", "value"), [("max_tokens_per_doc", 15), ("max_chunks_per_doc", 1)])
def test_a_ranker_that_reads_documents_in_windows_cuts_none(manifest, field, value):
    windowed = manifest(task="text-ranking", labels=(), max_length=MAX_LENGTH, postprocessing={}, windows={"stride": 2})
    assert answered(windowed, (0.5, 9), **{field: value})["results"]
    with pytest.raises(InvalidRequest, match=f"^{field}: "):
        answered(windowed, (0.5, 16), **{field: value})


RAW, SCORES = b'{"function_to_apply":"none"}', b'{"function_to_apply":"sigmoid"}'


@pytest.mark.parametrize(
    ("own", "body", "options"),
    [
        ("sigmoid", {"raw_scores": True}, RAW),
        ("sigmoid", {"use_activation": False}, RAW),
        ("sigmoid", {"raw_scores": False, "use_activation": True}, b""),
        ("identity", {"raw_scores": True}, b""),
        ("identity", {"raw_scores": False}, SCORES),
        ("identity", {"use_activation": True}, b""),
    ],
)
def test_scores_are_raw_where_the_request_wants_them(manifest, own, body, options):
    """Infinity's `raw_scores` leaves out the sigmoid, vLLM's `use_activation` the model's own."""
    version = manifest(task="text-ranking", labels=(), postprocessing={"function": own})
    assert asked(version, **body).items == [Item(b"q", b"a", options)]
    with pytest.raises(InvalidRequest, match=r"^use_activation: raw_scores says the opposite"):
        asked(version, raw_scores=True, use_activation=True)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("truncate_prompt_tokens", -2, "Input should be greater than or equal to -1"),
        ("rank_fields", ["title"], 'documents are ranked by their text; leave it out or say \\["text"\\]'),
        ("relevant_spans", {"mode": "on"}, "documents are ranked as a whole; leave it out"),
        ("documents", [{"title": "no text"}], 'each a text or {"text": "…"}'),
        ("priority", "high", "Input should be a valid integer"),
        ("top", 3, "there is no such field"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(ranker, field, value, sentence):
    with pytest.raises(InvalidRequest, match=f"^{field}: .*{sentence}") as caught:
        asked(ranker, **{field: value})
    assert caught.value.param == field
