import numpy as np
import tritonclient.grpc
import tritonclient.http
from calls import GRPC, TEXTS, URL, call

ADDRESS = URL.removeprefix("http://")


def scores(module, address):
    text = module.InferInput("TEXT", [len(TEXTS), 1], "BYTES")
    text.set_data_from_numpy(np.array([[one.encode()] for one in TEXTS], dtype=object))
    return module.InferenceServerClient(address).infer("weather", [text]).as_numpy("SCORES").tolist()


for name, module, address in (("http", tritonclient.http, ADDRESS), ("grpc", tritonclient.grpc, GRPC)):

    @call(f"{name} infer", gives="scores", of=TEXTS)
    def _(module=module, address=address):
        return scores(module, address)

    @call(f"{name} is_server_live, is_server_ready, is_model_ready", gives="true")
    def _(module=module, address=address):
        client = module.InferenceServerClient(address)
        return client.is_server_live() and client.is_server_ready() and client.is_model_ready("weather")

    @call(f"{name} get_model_metadata, get_model_config", gives="true")
    def _(module=module, address=address):
        client = module.InferenceServerClient(address)
        return bool(client.get_model_metadata("weather")) and bool(client.get_model_config("weather"))
