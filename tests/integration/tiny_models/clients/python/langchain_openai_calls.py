from calls import TEXTS, URL, call
from langchain_openai import OpenAIEmbeddings


def embeddings(**options):
    return OpenAIEmbeddings(model="raw-embeddings", base_url=f"{URL}/v1", api_key="none", **options)


@call("embed_documents, check_embedding_ctx_length=False", gives="embeddings", of=TEXTS)
def _():
    return embeddings(check_embedding_ctx_length=False).embed_documents(TEXTS)


@call("aembed_query, check_embedding_ctx_length=False", gives="embeddings", of=TEXTS[:1])
async def _():
    return [await embeddings(check_embedding_ctx_length=False).aembed_query(TEXTS[0])]
