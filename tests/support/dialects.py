"""One question in each dialect that the gateway speaks: (version that answered, rows).

A row is an embedding, or the scores of the labels in the order of `LABELS`. The rows are floats,
[texts, width].
"""

import base64
import json

import numpy as np
from reference_model import OUTPUTS
from triton_clients import CLIENTS, call, tensors

LABELS = ("cold", "mild", "warm")
TIMEOUT_S = 60
PARAMETERS = {"embeddings": {}, "weather": {"top_k": len(LABELS)}}


async def predict(question):
    body = {"instances": question.texts, "parameters": PARAMETERS[question.model], **_version_of(question)}
    answer = await _post(question, f"/v1/models/{question.model}:predict", json=body)
    return _version(answer), [_row(prediction) for prediction in answer.json()["predictions"]]


async def predict_stream(question):
    query = {"parameters": json.dumps(PARAMETERS[question.model]), **_version_of(question)}
    lines = "\n".join(map(json.dumps, question.texts))
    answer = await _post(question, f"/v1/models/{question.model}:predictStream", params=query, content=lines)
    answers = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["line"] for one in answers] == list(range(1, len(question.texts) + 1)), answer.text
    return _version(answer), [_row(one["prediction"]) for one in answers]


def _open_inference(client, **options):
    async def infer(question):
        inputs = tensors(client, {"TEXT": [text.encode() for text in question.texts]}, **options)
        output = OUTPUTS[question.model]
        wanted = [CLIENTS[client].InferRequestedOutput(output, **({"binary_data": options["binary"]} if options else {}))]
        url = question.grpc_url if client.startswith("grpc") else question.url.removeprefix("http://")
        headers = {name.lower(): value for name, value in question.headers.items()}
        answer = await call(client, url, "infer", question.model, inputs, str(question.version or ""), outputs=wanted, headers=headers)
        response = answer.get_response()
        version = response["model_version"] if isinstance(response, dict) else response.model_version
        return int(version), answer.as_numpy(output)

    return infer


def _openai(**options):
    async def embed(question):
        body = {"model": question.model, "input": question.texts, **_version_of(question), **options}
        answer = await _post(question, "/v1/embeddings", json=body)
        entries = answer.json()["data"]
        assert [entry["index"] for entry in entries] == list(range(len(question.texts)))
        return _version(answer), [_embedding(entry["embedding"]) for entry in entries]

    return embed


async def tei_embed(question):
    answer = await _post(question, f"/models/{question.model}/embed", json={"inputs": question.texts})
    return _version(answer), answer.json()


async def tei_predict(question):
    answer = await _post(question, f"/models/{question.model}/predict", json={"inputs": [[text] for text in question.texts]})
    return _version(answer), [_row(prediction) for prediction in answer.json()]


async def _post(question, path, **content):
    answer = await question.client.post(question.url + path, headers=question.headers, timeout=TIMEOUT_S, **content)
    assert answer.status_code == 200, answer.text
    return answer


def _version_of(question):
    return {} if question.version is None else {"version": question.version}


def _version(answer):
    return int(answer.headers["x-model-version"])


def _row(prediction):
    if isinstance(prediction[0], float):
        return prediction
    scores = {entry["label"]: entry["score"] for entry in prediction}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    return [scores[label] for label in LABELS]


def _embedding(value):
    return np.frombuffer(base64.b64decode(value), "<f4") if isinstance(value, str) else value


EVERY_MODEL = ("embeddings", "weather")
DIALECTS = {
    "KServe v1": (predict, EVERY_MODEL),
    "KServe v1 stream": (predict_stream, EVERY_MODEL),
    "Open Inference JSON": (_open_inference("http.aio", binary=False), EVERY_MODEL),
    "Open Inference binary": (_open_inference("http.aio", binary=True), EVERY_MODEL),
    "Open Inference gRPC": (_open_inference("grpc.aio"), EVERY_MODEL),
    "OpenAI": (_openai(), ("embeddings",)),
    "OpenAI base64": (_openai(encoding_format="base64"), ("embeddings",)),
    "OpenAI cut": (_openai(dimensions=8), ("embeddings",)),
    "TEI embed": (tei_embed, ("embeddings",)),
    "TEI predict": (tei_predict, ("weather",)),
}
"""By dialect: (function that asks, models of the tasks that the dialect can ask for)."""
TAKE_NO_VERSION = ("TEI embed", "TEI predict")
