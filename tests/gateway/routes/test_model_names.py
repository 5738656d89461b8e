"""Clients whose model's name is fixed, or that name none."""

import hashlib
from urllib.parse import quote

import pytest

from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton

SLASHED = "sentence-transformers/all-MiniLM-L6-v2"
ALIASES = {SLASHED: "minilm", "ada": "minilm", "topic": "topics", "lost": "nowhere"}


@pytest.fixture
def client(start_app):
    triton = FakeTriton(make_manifest("topics", 1), make_manifest("minilm", 1, task="feature-extraction"))
    return start_app(triton, model_aliases=ALIASES)


@pytest.fixture
def embedding(client):
    return client.post("/models/minilm/embed", json={"inputs": "a"}).json()[0]


@pytest.mark.parametrize(
    "names", [{}, {"model": None}, {"model": "minilm"}, {"model": "ada"}, {"model": SLASHED}, {"model": "text-embeddings-inference"}]
)
def test_openai_names_the_model_an_alias_or_none(client, embedding, names):
    answer = client.post("/v1/embeddings", json={"input": "a", **names}).json()
    assert answer["data"][0]["embedding"] == pytest.approx(embedding)
    assert answer["model"] == (names.get("model") or "minilm")


@pytest.mark.parametrize("name", ["ada", SLASHED, quote(SLASHED, safe="")])
def test_paths_take_aliases_as_they_are_and_percent_encoded(client, embedding, name):
    for _ in range(2):  # which route a path means is remembered
        assert client.post(f"/models/{name}/embed", json={"inputs": "a"}).json() == [embedding]
    [predicted] = client.post(f"/v1/models/{name}:predict", json={"instances": ["a"]}).json()["predictions"]
    azure = client.post(f"/openai/deployments/{name}/embeddings?api-version=1", json={"input": "a"}).json()
    assert predicted == azure["data"][0]["embedding"] == pytest.approx(embedding)
    shown = client.get(f"/v1/models/{name}").json()
    assert (shown["id"] in ALIASES, shown["root"], shown["name"]) == (True, "minilm", "minilm")
    assert client.get(f"/v2/models/{name}").json()["name"] == "minilm"
    assert client.get(f"/v2/models/{name}/versions/1/config").json()["name"] == "minilm"


def test_aliases_that_lead_to_a_model_are_listed_after_the_models(client):
    listed = client.get("/v1/models").json()
    assert listed["models"] == ["minilm", "topics"]
    assert [(one["id"], one["root"]) for one in listed["data"]] == [
        ("minilm", "minilm"),
        ("topics", "topics"),
        ("ada", "minilm"),
        (SLASHED, "minilm"),
        ("topic", "topics"),
    ]


def test_an_alias_without_a_model_says_which_it_should_be(client):
    answer = client.post("/v1/embeddings", json={"model": "lost", "input": "a"})
    sentence = "no such model; there are: minilm, topics, and lost is an alias of nowhere"
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, sentence)


def test_several_models_of_a_task_need_a_name_or_the_setting(start_app):
    triton = FakeTriton(*(make_manifest(name, 1, task="feature-extraction") for name in ("minilm", "bge")))
    answer = start_app(triton).post("/v1/embeddings", json={"input": "a"})
    assert answer.status_code == 404
    assert "there are: bge, minilm" in answer.json()["error"]["message"]
    assert "HEADRACE_DEFAULT_MODELS=embed=MODEL" in answer.json()["error"]["message"]
    assert start_app(triton, default_models={"embed": "bge"}).post("/v1/embeddings", json={"input": "a"}).json()["model"] == "bge"


def test_azures_clients_send_their_key_in_a_header_of_its_own(start_app):
    triton = FakeTriton(make_manifest("minilm", 1, task="feature-extraction"))
    guarded = start_app(triton, auth="keys", api_keys=f"acme:{hashlib.sha256(b's3cret').hexdigest()}")
    for path in ("/openai/deployments/minilm/embeddings?api-version=1", "/openai/v1/embeddings"):
        assert guarded.post(path, json={"input": "a"}).status_code == 401
        assert guarded.post(path, json={"input": "a"}, headers={"api-key": "s3cret"}).status_code == 200
        assert guarded.post(path, json={"input": "a"}, headers={"api-key": "s3cret", "Authorization": "Bearer x"}).status_code == 401


def test_what_is_cached_of_a_model_is_deleted_by_its_alias(start_app):
    key = hashlib.sha256(b"s3cret").hexdigest()
    client = start_app(auth="keys", api_keys=f"ops:{key}:admin", model_aliases={"topic": "topics"})
    for path in ("/v1/cache/models/topic", "/v1/cache/models/topics"):
        assert client.delete(path, headers={"Authorization": "Bearer s3cret"}).json()["deleted"] == "model:topics"
