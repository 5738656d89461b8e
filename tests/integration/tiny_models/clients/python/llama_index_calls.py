from calls import TEXTS, URL, call
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.embeddings.openai_like import OpenAILikeEmbedding


@call("OpenAILikeEmbedding get_text_embedding_batch", gives="embeddings", of=TEXTS)
def _():
    return OpenAILikeEmbedding(model_name="raw-embeddings", api_base=f"{URL}/v1", api_key="none").get_text_embedding_batch(TEXTS)


@call("OpenAILikeEmbedding aget_query_embedding", gives="embeddings", of=TEXTS[:1])
async def _():
    return [await OpenAILikeEmbedding(model_name="raw-embeddings", api_base=f"{URL}/v1", api_key="none").aget_query_embedding(TEXTS[0])]


@call("OpenAIEmbedding, its default model as an alias", gives="embeddings", of=TEXTS[:1])
def _():
    return [OpenAIEmbedding(api_base=f"{URL}/v1", api_key="none").get_text_embedding(TEXTS[0])]
