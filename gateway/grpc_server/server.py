"""The gRPC server of one worker: start, serve, drain."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from fastapi import FastAPI
from starlette.types import ASGIApp
from tritonclient.grpc.service_pb2_grpc import add_GRPCInferenceServiceServicer_to_server

from gateway.grpc_server.service import InferenceService
from gateway.http_server.drain import Drain

BEGIN_S = 0.5
"""RPCs that came before the end of the draining begin within this time."""


@asynccontextmanager
async def serving(
    app: FastAPI,
    host: str,
    port: int,
    max_message_bytes: int,
    handshake_timeout_s: float,
    drain: Drain,
    tls: tuple[Path, Path] | None,
    observed: Callable[[ASGIApp], ASGIApp],
) -> AsyncIterator[None]:
    """Serve on `port`, which all workers share; nothing where it is 0.

    No RPC begins later than `BEGIN_S` after the draining, while the HTTP server ends what it has in flight; those under way have as long
    as its requests.

    A client that has not begun to speak HTTP/2 (and TLS) `handshake_timeout_s` after it connected is cut off.
    With `tls` (certificate with its chain, private key; PEM files) it speaks TLS and nothing else.
    """
    if not port:
        yield
        return
    options = [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.server_handshake_timeout_ms", int(handshake_timeout_s * 1e3)),
    ]
    server = grpc.aio.server(options=options)
    add_GRPCInferenceServiceServicer_to_server(InferenceService(app, observed), server)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if tls is None:
        server.add_insecure_port(address)
    else:
        certificate, key = (path.read_bytes() for path in tls)
        server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
    await server.start()
    stopping = asyncio.create_task(_stop(server, drain))
    try:
        yield
    finally:
        drain.over.set()
        await stopping


async def _stop(server: grpc.aio.Server, drain: Drain) -> None:
    await drain.over.wait()
    # gRPC cancels what has come and is not begun when it stops
    await asyncio.sleep(min(BEGIN_S, drain.timeout_s))
    await server.stop(max(drain.timeout_s - BEGIN_S, 0))
