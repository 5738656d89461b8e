"""A gRPC channel to a Triton: in the clear or over TLS, with headers that go with every call."""

from collections.abc import Callable, Sequence
from typing import Any

import grpc

from gateway.security.tls import TritonAccess


def open_channel(url: str, options: Sequence[tuple[str, Any]], access: TritonAccess) -> grpc.aio.Channel:
    """A channel to `url` (host:port).

    Raises:
        StartError: a TLS file cannot be read.
    """
    interceptors = [_Headers(tuple(access.headers.items()))] if access.headers else None
    if access.tls is None:
        return grpc.aio.insecure_channel(url, options=options, interceptors=interceptors)
    credentials = grpc.ssl_channel_credentials(*access.tls.read())
    return grpc.aio.secure_channel(url, credentials, options=options, interceptors=interceptors)


class _Headers(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # the library does not annotate it
    def __init__(self, headers: Sequence[tuple[str, str]]) -> None:
        self._headers = headers

    async def intercept_unary_unary(self, continuation: Callable[..., Any], details: grpc.aio.ClientCallDetails, request: Any) -> Any:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *self._headers)
        return await continuation(details._replace(metadata=metadata), request)
