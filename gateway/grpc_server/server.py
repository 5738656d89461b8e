"""The gRPC server of one worker: start, serve, drain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from starlette.applications import Starlette
from tritonclient.grpc.service_pb2_grpc import add_GRPCInferenceServiceServicer_to_server

from gateway.grpc_server import departures
from gateway.grpc_server.health import Health
from gateway.grpc_server.rpc import Observed
from gateway.grpc_server.service import InferenceService
from gateway.http_server.drain import Drain

BEGIN_S = 0.5
"""How long after the end of the draining RPCs that came before it may still begin."""


@dataclass(frozen=True, slots=True)
class ServingOptions:
    """Where and how gRPC is spoken.

    All workers share `port`; 0: gRPC is not spoken. A client that has not begun to speak HTTP/2
    (and TLS) `handshake_timeout_s` after it connected is cut off. A connection may have
    `max_streams` RPCs open at once, whether their message has come or not; a client keeps back
    those beyond. With `tls` (certificate with its chain, private key; PEM files) the server speaks
    TLS and nothing else.
    """

    host: str
    port: int
    max_message_bytes: int
    handshake_timeout_s: float
    max_streams: int
    tls: tuple[Path, Path] | None = None


@asynccontextmanager
async def serving(app: Starlette, options: ServingOptions, drain: Drain, observed: Observed) -> AsyncIterator[None]:
    """Serve an application over gRPC while inside, if there is a port.

    No RPC begins later than `BEGIN_S` after the end of the draining, while the HTTP server finishes
    what it has in flight; RPCs under way have as long as its requests.
    """
    if not options.port:
        yield
        return
    departures.log_quietly()
    service = InferenceService(app, observed)
    server = grpc.aio.server(interceptors=[service.early_answer()], options=_channel_options(options))
    add_GRPCInferenceServiceServicer_to_server(service, server)
    server.add_generic_rpc_handlers((Health(app, drain, observed).handler(),))
    _listen(server, options)
    await server.start()
    stopping = asyncio.create_task(_stop(server, drain))
    try:
        yield
    finally:
        drain.over.set()
        await stopping


def _channel_options(options: ServingOptions) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 1),
        ("grpc.max_concurrent_streams", options.max_streams),
        ("grpc.max_receive_message_length", options.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.server_handshake_timeout_ms", int(options.handshake_timeout_s * 1e3)),
    ]


def _listen(server: grpc.aio.Server, options: ServingOptions) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    address = f"{host}:{options.port}"
    if options.tls is None:
        server.add_insecure_port(address)
    else:
        certificate, key = (path.read_bytes() for path in options.tls)
        server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))


async def _stop(server: grpc.aio.Server, drain: Drain) -> None:
    await drain.over.wait()
    # stopping cancels the RPCs that have come and are not begun
    await asyncio.sleep(min(BEGIN_S, drain.timeout_s))
    await server.stop(max(drain.timeout_s - BEGIN_S, 0))
