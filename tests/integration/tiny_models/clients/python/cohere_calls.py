import cohere
from calls import TEXTS, URL, call

QUERY, DOCUMENTS = TEXTS[0], TEXTS[1:5]


def ranking(answer):
    return [[one.index, one.relevance_score] for one in answer.results]


@call("ClientV2 rerank", gives="ranking", of=[QUERY, DOCUMENTS])
def _():
    return ranking(cohere.ClientV2(base_url=URL, api_key="none").rerank(model="ranker", query=QUERY, documents=DOCUMENTS))


@call("ClientV2 rerank, top_n", gives="ranking", of=[QUERY, DOCUMENTS, 2])
def _():
    return ranking(cohere.ClientV2(base_url=URL, api_key="none").rerank(model="ranker", query=QUERY, documents=DOCUMENTS, top_n=2))


@call("Client rerank, documents with further fields", gives="ranking", of=[QUERY, DOCUMENTS])
def _():
    documents = [{"text": text, "title": "a title"} for text in DOCUMENTS]
    return ranking(cohere.Client(base_url=URL, api_key="none").rerank(model="ranker", query=QUERY, documents=documents))


@call("AsyncClientV2 rerank", gives="ranking", of=[QUERY, DOCUMENTS])
async def _():
    return ranking(await cohere.AsyncClientV2(base_url=URL, api_key="none").rerank(model="ranker", query=QUERY, documents=DOCUMENTS))


@call("rerank has meta", gives="true")
def _():
    return cohere.ClientV2(base_url=URL, api_key="none").rerank(model="ranker", query=QUERY, documents=DOCUMENTS).meta is not None


@call("ClientV2 embed", gives="embeddings", of=TEXTS[:2])
def _():
    client = cohere.ClientV2(base_url=URL, api_key="none")
    answer = client.embed(model="raw-embeddings", texts=TEXTS[:2], input_type="search_document", embedding_types=["float"])
    return answer.embeddings.float_


@call("Client embed", gives="embeddings", of=TEXTS[:2])
def _():
    client = cohere.Client(base_url=URL, api_key="none")
    return client.embed(model="raw-embeddings", texts=TEXTS[:2], input_type="search_document").embeddings
