import numpy as np
from calls import GRPC, TEXTS, URL, call
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig


def rest(protocol):
    return InferenceRESTClient(RESTConfig(protocol=protocol))


def request():
    text = InferInput("TEXT", [1, 1], "BYTES")
    text.set_data_from_numpy(np.array([[TEXTS[0].encode()]], dtype=object))
    return InferRequest(model_name="weather", infer_inputs=[text])


def rows(answer):
    [scores] = [output for output in answer.outputs if output.name == "SCORES"]
    return scores.as_numpy().tolist()


@call("v1 infer", gives="labels", of=TEXTS[0])
async def _():
    answer = await rest("v1").infer(URL, {"instances": [TEXTS[0]], "parameters": {"top_k": 3}}, "weather")
    return [[one["label"], one["score"]] for one in answer["predictions"][0]]


@call("v1 is_server_live, is_model_ready", gives="true")
async def _():
    return await rest("v1").is_server_live(URL) and await rest("v1").is_model_ready(URL, "weather")


@call("v2 infer", gives="scores", of=TEXTS[:1])
async def _():
    return rows(await rest("v2").infer(URL, request(), "weather"))


@call("v2 is_server_live, is_server_ready, is_model_ready", gives="true")
async def _():
    client = rest("v2")
    return await client.is_server_live(URL) and await client.is_server_ready(URL) and await client.is_model_ready(URL, "weather")


@call("gRPC infer", gives="scores", of=TEXTS[:1])
async def _():
    return rows(await InferenceGRPCClient(url=GRPC).infer(request()))


@call("gRPC is_server_live, is_server_ready, is_model_ready", gives="true")
async def _():
    client = InferenceGRPCClient(url=GRPC)
    return await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready("weather")
