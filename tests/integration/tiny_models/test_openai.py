"""The unchanged `openai` client against the gateway; reranking as in Cohere, Jina and vLLM."""

import asyncio
import base64
import hashlib
import uuid

import httpx
import numpy as np
import openai
import pytest
from gateway_process import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def client(tasks_gateway):
    with openai.OpenAI(base_url=f"{tasks_gateway.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def predicted(gateway, model, *instances, **body):
    answer = httpx.post(f"{gateway.url}/v1/models/{model}:predict", json={"instances": list(instances), **body}, timeout=30)
    return answer.json()["predictions"]


def test_embeddings_equal_those_of_predict(client, tasks_gateway, tasks_repository):
    texts = tasks_repository.texts[:3]
    answer = client.embeddings.create(model="raw-embeddings", input=texts)
    assert [entry.index for entry in answer.data] == [0, 1, 2]
    np.testing.assert_allclose([entry.embedding for entry in answer.data], predicted(tasks_gateway, "raw-embeddings", *texts), atol=1e-6)
    words = sum(len(text.split()) + 2 for text in texts)
    assert (answer.model, answer.usage.prompt_tokens, answer.usage.total_tokens) == ("raw-embeddings", words, words)
    single = client.embeddings.create(model="raw-embeddings", input=texts[0], encoding_format="float")
    np.testing.assert_allclose(single.data[0].embedding, answer.data[0].embedding, atol=1e-6)


def test_base64_holds_float32(tasks_gateway, tasks_repository):
    body = {"model": "raw-embeddings", "input": tasks_repository.texts[:1]}
    url = f"{tasks_gateway.url}/v1/embeddings"
    raw = httpx.post(url, json={**body, "encoding_format": "base64"}).json()["data"][0]["embedding"]
    numbers = httpx.post(url, json=body).json()["data"][0]["embedding"]
    # the shortest decimals that round to the same float32
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(raw), "<f4"), np.array(numbers, dtype="<f4"))


def test_only_dimensions_that_the_model_was_trained_for_are_accepted(client, tasks_repository):
    text = tasks_repository.texts[0]
    whole, cut = (
        client.embeddings.create(model="embeddings", input=text, extra_body={"version": 1}, **wanted).data[0].embedding
        for wanted in ({}, {"dimensions": 8})
    )
    np.testing.assert_allclose(cut, np.array(whole[:8]) / np.linalg.norm(whole[:8]), atol=1e-6)
    with pytest.raises(openai.BadRequestError, match="was trained for 8, 16, 32") as caught:
        client.embeddings.create(model="embeddings", input=text, dimensions=9)
    assert (caught.value.param, caught.value.type) == ("dimensions", "invalid_request_error")
    with pytest.raises(openai.BadRequestError, match="not trained to be cut"):
        client.embeddings.create(model="raw-embeddings", input=text, dimensions=8)


def test_usage_counts_the_tokens_up_to_where_the_text_is_cut(client, tasks_repository):
    long = " ".join(tasks_repository.texts)
    assert client.embeddings.create(model="raw-embeddings", input=[long, "alna"]).usage.total_tokens == 24 + 3


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
def test_arrays_of_tokens_are_refused_with_a_sentence(client, tokens):
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False") as caught:
        client.embeddings.create(model="raw-embeddings", input=tokens)
    assert caught.value.param == "input"


def test_models_are_listed_for_openai_and_kserve(client, tasks_gateway):
    names = ["answers", "embeddings", "entailment", "entities", "moods", "ranker", "raw-embeddings", "weather", "zero-shot"]
    assert [model.id for model in client.models.list()] == names
    assert httpx.get(f"{tasks_gateway.url}/v1/models").json()["models"] == names
    model = client.models.retrieve("weather")
    assert (model.id, model.object, model.owned_by) == ("weather", "model", "headrace")
    with pytest.raises(openai.NotFoundError, match="no such model; there are: answers") as caught:
        client.models.retrieve("none")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError, match="no such path"):
        client.chat.completions.create(model="weather", messages=[{"role": "user", "content": "a"}])


def test_unknown_models_and_models_of_other_tasks_have_different_errors(client):
    with pytest.raises(openai.NotFoundError, match="no such model") as caught:
        client.embeddings.create(model="none", input="a")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="weather is for text-classification; this path needs one for feature-ext"):
        client.embeddings.create(model="weather", input="a")


async def test_refused_keys_overload_and_timeouts_are_the_clients_own_exceptions(start_gateway, tasks_triton):
    digest = hashlib.sha256(b"s3cret").hexdigest()
    gateway = start_gateway(triton_url=tasks_triton.http_url, auth="keys", api_keys=f"acme:{digest}", max_pending=600, max_in_flight=1)

    def client_of(key):
        return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0)

    def ask(client, *texts, **more):
        return client.embeddings.create(model="raw-embeddings", input=list(texts), **more)

    async with client_of("wrong") as stranger:
        with pytest.raises(openai.AuthenticationError):
            await ask(stranger, "a")
    async with client_of("s3cret") as client:
        many = [[f"{request} {text}" for text in range(500)] for request in range(4)]
        answers = await asyncio.gather(*(ask(client, *texts) for texts in many), return_exceptions=True)
        shed = [answer for answer in answers if isinstance(answer, openai.RateLimitError)]
        assert 0 < len(shed) < len(answers)
        assert {answer.code for answer in shed} == {"rate_limit_exceeded"}
        assert all(int(answer.response.headers["retry-after"]) >= 1 for answer in shed)
        with pytest.raises(openai.InternalServerError, match="in time"):
            await ask(client, "late", extra_headers={"X-Request-Timeout-Ms": "0.001"})
        assert len((await ask(client, "a")).data) == 1


async def test_async_client(tasks_gateway, tasks_repository):
    async with openai.AsyncOpenAI(base_url=f"{tasks_gateway.url}/v1", api_key="none", max_retries=0) as client:
        answer = await client.embeddings.create(model="raw-embeddings", input=tasks_repository.texts[:2])
        assert len(answer.data) == 2
        assert "weather" in [model.id async for model in await client.models.list()]
        with pytest.raises(openai.NotFoundError):
            await client.embeddings.create(model="none", input="a")


def test_user_is_the_unit_of_an_experiment_unless_the_header_names_one(client, tasks_gateway):
    def variant(**more):
        return client.embeddings.with_raw_response.create(model="embeddings", input="alna", **more).headers["x-variant"]

    by_user = {user: {variant(user=user) for _ in range(3)} for user in ("u-1", "u-2", "u-3", "u-4", "u-5", "u-6")}
    assert {len(seen) for seen in by_user.values()} == {1}
    assert set.union(*by_user.values()) == {"control", "treatment"}
    by_header = {unit: variant(user="u-1", extra_headers={"X-Unit-ID": unit}) for unit in by_user}
    assert {unit: {seen} for unit, seen in by_header.items()} == by_user
    assert {variant() for _ in range(30)} == {"control", "treatment"}


def test_a_row_cached_by_one_dialect_is_a_hit_in_another(client, tasks_gateway):
    text = uuid.uuid4().hex

    def cache_of(answer):
        return answer.headers["x-cache"]

    def asked():
        return client.embeddings.with_raw_response.create(model="raw-embeddings", input=text)

    assert cache_of(asked()) == "miss"
    wait_until(lambda: cache_of(asked()) == "hit")
    url = tasks_gateway.url
    kserve = httpx.post(f"{url}/v1/models/raw-embeddings:predict", json={"instances": [text]})
    assert (cache_of(kserve), int(kserve.headers["age"]) >= 0) == ("hit", True)
    assert cache_of(httpx.post(f"{url}/models/raw-embeddings/embed", json={"inputs": text})) == "hit"
    assert cache_of(httpx.post(f"{url}/embed", json={"inputs": [text]})) == "hit"
    answer = asked()
    np.testing.assert_allclose(answer.parse().data[0].embedding, kserve.json()["predictions"][0], atol=1e-6)


def test_rerank_sorts_documents_in_coheres_response_format(tasks_gateway, tasks_repository):
    query, *documents = tasks_repository.texts[:6]
    body = {"model": "ranker", "query": query, "documents": [documents[0], *({"text": text} for text in documents[1:])]}
    answer = httpx.post(f"{tasks_gateway.url}/v1/rerank", json=body).json()
    [expected] = predicted(tasks_gateway, "ranker", {"query": query, "documents": documents})
    assert [(one["index"], one["relevance_score"]) for one in answer["results"]] == [(one["index"], one["score"]) for one in expected]
    assert all(one["document"] == {"text": documents[one["index"]]} for one in answer["results"])
    assert (answer["model"], answer["id"].startswith("rerank-"), answer["usage"]["total_tokens"] > 0) == ("ranker", True, True)
    short = httpx.post(f"{tasks_gateway.url}/v2/rerank", json={**body, "top_n": 2, "return_documents": False}).json()
    assert [sorted(one) for one in short["results"]] == [["index", "relevance_score"]] * 2
    refused = httpx.post(f"{tasks_gateway.url}/v1/rerank", json={**body, "model": "weather"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")
