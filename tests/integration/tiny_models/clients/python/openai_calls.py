import openai
from calls import TEXTS, URL, call, refused

client = openai.OpenAI(base_url=f"{URL}/v1", api_key="none")


def vectors(answer):
    return [one.embedding for one in answer.data]


@call("embeddings.create, a text", gives="embeddings", of=TEXTS[:1])
def _():
    return vectors(client.embeddings.create(model="raw-embeddings", input=TEXTS[0]))


@call("embeddings.create, a list", gives="embeddings", of=TEXTS)
def _():
    return vectors(client.embeddings.create(model="raw-embeddings", input=TEXTS))


@call("embeddings.create, encoding_format=float", gives="embeddings", of=TEXTS[:2])
def _():
    return vectors(client.embeddings.create(model="raw-embeddings", input=TEXTS[:2], encoding_format="float"))


@call("AsyncOpenAI embeddings.create", gives="embeddings", of=TEXTS[:2])
async def _():
    return vectors(
        await openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="none").embeddings.create(model="raw-embeddings", input=TEXTS[:2])
    )


WORDS = " ".join(TEXTS).split()
MANY = [f"{' '.join((WORDS[i % 50 :] + WORDS[:50]) * 9)[:1000]} {i}" for i in range(2048)]


@call("embeddings.create, 2,048 inputs of 1,000 characters", gives="embeddings", of=MANY)
def _():
    return vectors(client.embeddings.create(model="raw-embeddings", input=MANY))


@call("embeddings.create, text-embedding-ada-002 as an alias", gives="embeddings", of=TEXTS[:1])
def _():
    return vectors(client.embeddings.create(model="text-embedding-ada-002", input=TEXTS[0]))


@call("embeddings.create, vLLM's and NIM's fields", gives="embeddings", of=TEXTS[:1])
def _():
    extra = {"priority": 0, "add_special_tokens": True, "input_type": "query", "truncate": "NONE", "user": None}
    return vectors(client.embeddings.create(model="raw-embeddings", input=TEXTS[0], extra_body=extra))


@call("AzureOpenAI embeddings.create", gives="embeddings", of=TEXTS[:1])
def _():
    azure = openai.AzureOpenAI(azure_endpoint=URL, api_key="none", api_version="2024-10-21")
    return vectors(azure.embeddings.create(model="raw-embeddings", input=TEXTS[0]))


@call("models.list, models.retrieve", gives="true")
def _():
    return "raw-embeddings" in [model.id for model in client.models.list()] and client.models.retrieve("weather").id == "weather"


@refused("embeddings.create, token ids", by=openai.BadRequestError, says="token")
def _():
    return client.embeddings.create(model="raw-embeddings", input=[[101, 2000], [7]])


@refused("embeddings.create, an unknown field", by=openai.BadRequestError, says="colour")
def _():
    return client.embeddings.create(model="raw-embeddings", input=TEXTS[0], extra_body={"colour": "red"})


@refused("embeddings.create, no input", by=openai.BadRequestError, says="input")
def _():
    return client.embeddings.create(model="raw-embeddings", input=[])


@refused("embeddings.create, an unknown model", by=openai.NotFoundError, says="no such model")
def _():
    return client.embeddings.create(model="nope", input=TEXTS[0])


@refused("models.retrieve, an unknown model", by=openai.NotFoundError, says="no such model")
def _():
    return client.models.retrieve("nope")
