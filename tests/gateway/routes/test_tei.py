"""TEI's other paths, and the path that it shares with vLLM, Jina and Infinity."""

import pytest

from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton

TASKS = {"minilm": "feature-extraction", "ranker": "text-ranking", "topics": "text-classification", "themes": "zero-shot-classification"}
TEXTS = ["a", "b"]


@pytest.fixture
def client(start_app):
    triton = FakeTriton(*(make_manifest(name, 1, task=task) for name, task in TASKS.items()))
    return start_app(triton, default_models={"root": "topics"})


def test_rerank_answers_by_the_body(client):
    """TEI has `texts`; vLLM, Jina and Infinity have `documents`."""
    ranks = client.post("/rerank", json={"query": "q", "texts": TEXTS}).json()
    for path, model in (("/rerank", "ranker"), ("/rerank", None), ("/models/ranker/rerank", None)):
        answer = client.post(path, json={"query": "q", "documents": TEXTS, "model": model, "top_n": 1}).json()
        assert answer["results"] == [
            {"index": ranks[0]["index"], "relevance_score": ranks[0]["score"], "document": {"text": TEXTS[ranks[0]["index"]]}}
        ]
        assert (answer["model"], answer["meta"]["api_version"]) == ("ranker", {"version": "2"})
    bare = client.post("/infinity/rerank", json={"query": "q", "documents": [{"text": "a"}], "return_documents": True}).json()
    assert bare["results"][0]["document"] == "a"
    # litellm sends top_n to TEI
    assert client.post("/rerank", json={"query": "q", "texts": TEXTS, "top_n": 1, "raw_scores": False}).json() == ranks[:1]


def test_embeddings_is_openais_below_every_base(client):
    expected = client.post("/v1/embeddings", json={"input": TEXTS}).json()
    for path in ("/embeddings", "/infinity/embeddings", "/models/minilm/embeddings", "/models/minilm/v1/embeddings"):
        assert client.post(path, json={"input": TEXTS}).json() == expected
        refused = client.post(path, json={"input": [1, 2]})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input")


def test_sagemaker_and_vertex_ask_as_at_the_root(client):
    assert client.get("/ping").status_code == client.get("/health").status_code == 200
    body = {"inputs": TEXTS}
    assert client.post("/invocations", json=body).json() == client.post("/", json=body).json()
    instances = [{"inputs": "a"}, {"inputs": TEXTS}]
    answer = client.post("/models/minilm/vertex", json={"instances": instances}).json()
    assert answer == {"predictions": [client.post("/models/minilm", json=instance).json() for instance in instances]}
    refused = client.post("/vertex", json={"instances": [{"inputs": 1}]})
    assert (refused.status_code, refused.json()["error_type"]) == (422, "Validation")


def test_info_has_the_fields_of_teis_document(client):
    """`Info` of docs/openapi.json at 1.7: those that are required, and `sha` and `docker_label`."""
    info = client.get("/models/minilm/info").json()
    required = {"model_id", "model_dtype", "model_type", "max_concurrent_requests", "max_input_length", "max_batch_tokens"}
    assert required | {"max_client_batch_size", "auto_truncate", "tokenization_workers", "version", "sha", "docker_label"} <= info.keys()
    assert (info["max_concurrent_requests"], info["max_batch_tokens"]) == (32_768, info["max_batch_requests"] * info["max_input_length"])


@pytest.mark.parametrize("path", ["/embed_all", "/embed_sparse", "/tokenize", "/decode", "/models/minilm/tokenize"])
def test_what_is_not_there_says_why(client, path):
    answer = client.post(path, json={"inputs": "a"})
    assert (answer.status_code, answer.json()["error_type"], len(answer.json()["error"]) > 40) == (501, "Backend", True)


def test_the_document_is_where_tei_has_it(client):
    assert client.get("/api-doc/openapi.json").json() == client.get("/openapi.json").json()


@pytest.mark.parametrize(
    ("agent", "lists"),
    [
        ("unknown/None; hf_hub/2.4.0; python/3.11.7", True),
        ("unknown/None; hf_hub/1.1.5; python/3.11.7", True),
        ("unknown/None; hf_hub/1.1.4; python/3.11.7; torch/2.13.0", False),
        ("unknown/None; hf_hub/0.36.2; python/3.11.7", False),
        ("curl/8.1", True),
        (None, True),
    ],
)
def test_zero_shot_answers_in_the_form_that_the_client_reads(client, agent, lists):
    """The Hugging Face API answers a list; huggingface_hub before 1.1.5 reads `labels`."""
    headers = {} if agent is None else {"User-Agent": agent}
    answer = client.post("/models/themes", headers=headers, json={"inputs": "a", "parameters": {"candidate_labels": ["x", "y"]}}).json()
    scores = [one["score"] for one in answer] if lists else answer["scores"]
    labels = [one["label"] for one in answer] if lists else answer["labels"]
    assert (sorted(labels), scores == sorted(scores, reverse=True)) == (["x", "y"], True)
    assert lists or answer["sequence"] == "a"
