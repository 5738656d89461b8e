import litellm
from calls import TEXTS, URL, call

QUERY, DOCUMENTS = TEXTS[0], TEXTS[1:5]


def vectors(answer):
    return [one["embedding"] for one in answer.data]


def ranking(answer):
    return [[one["index"], one["relevance_score"]] for one in answer.results]


for provider in ("openai", "hosted_vllm", "infinity", "jina_ai"):

    @call(f"embedding, {provider}/", gives="embeddings", of=TEXTS[:2])
    def _(provider=provider):
        return vectors(litellm.embedding(f"{provider}/raw-embeddings", input=TEXTS[:2], api_base=f"{URL}/v1", api_key="none"))


@call("embedding, huggingface/", gives="unit embeddings", of=TEXTS[:2])
def _():
    model = "huggingface/raw-embeddings"
    return vectors(
        litellm.embedding(model, input=TEXTS[:2], api_base=f"{URL}/models/raw-embeddings", api_key="none", input_type="feature-extraction")
    )


@call("embedding, cohere/", gives="embeddings", of=TEXTS[:2])
def _():
    return vectors(litellm.embedding("cohere/raw-embeddings", input=TEXTS[:2], api_base=f"{URL}/v1/embed", api_key="none"))


for provider, base in (
    ("cohere", f"{URL}/v1/rerank"),
    ("jina_ai", f"{URL}/v1/rerank"),
    ("hosted_vllm", f"{URL}/v1"),
    ("hosted_vllm", URL),
    ("huggingface", f"{URL}/models/ranker"),
):

    @call(f"rerank, {provider}/ at {base.removeprefix(URL) or '/'}", gives="ranking", of=[QUERY, DOCUMENTS, 2])
    def _(provider=provider, base=base):
        return ranking(litellm.rerank(f"{provider}/ranker", query=QUERY, documents=DOCUMENTS, top_n=2, api_base=base, api_key="none"))
