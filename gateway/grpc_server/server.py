"""The gRPC server of one worker: start, serve, drain."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from fastapi import FastAPI
from tritonclient.grpc.service_pb2_grpc import add_GRPCInferenceServiceServicer_to_server

from gateway.grpc_server.service import InferenceService


@asynccontextmanager
async def serving(app: FastAPI, host: str, port: int, max_message_bytes: int, drain_timeout_s: float) -> AsyncIterator[None]:
    """Serve on `port`, which all workers share; nothing where it is 0. At the end RPCs under way have `drain_timeout_s`."""
    if not port:
        yield
        return
    options = [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", -1),
    ]
    server = grpc.aio.server(options=options)
    add_GRPCInferenceServiceServicer_to_server(InferenceService(app), server)
    server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(drain_timeout_s)
