"""NVIDIA's four clients behind one function."""

import asyncio

import numpy as np
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio

CLIENTS = {
    "http": tritonclient.http,
    "http.aio": tritonclient.http.aio,
    "grpc": tritonclient.grpc,
    "grpc.aio": tritonclient.grpc.aio,
}


def endpoint(server, client):
    """The address of Triton or the gateway for one of the clients."""
    if client.startswith("grpc"):
        return server.grpc_url
    return getattr(server, "http_url", None) or f"127.0.0.1:{server.port}"


async def call(client, url, method, *arguments, **options):
    """The result of a client's method, synchronous or not."""
    module = CLIENTS[client]
    if client.endswith("aio"):
        async with module.InferenceServerClient(url) as connection:
            return await getattr(connection, method)(*arguments, **options)

    def ask():
        with module.InferenceServerClient(url) as connection:
            return getattr(connection, method)(*arguments, **options)

    return await asyncio.to_thread(ask)


def tensors(client, columns, binary=True):
    module = CLIENTS[client]
    made = []
    for name, values in columns.items():
        tensor = module.InferInput(name, [len(values), 1], "BYTES")
        array = np.array([[value] for value in values], dtype=np.object_)
        tensor.set_data_from_numpy(array, **({} if client.startswith("grpc") else {"binary_data": binary}))
        made.append(tensor)
    return made
