"""Compressed responses, for clients that ask for them with `Accept-Encoding`.

What is large is compressed in a thread: other requests need not wait for it.
"""

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.concurrency.aside import aside
from gateway.http_server.content_coding import MIN_BYTES, Encoder, accepted
from gateway.request.context import CONTEXT

_TEXT = ("text/", "application/json", "application/javascript", "application/openmetrics-text", "image/svg+xml")
VARY, ACCEPT_ENCODING = "Vary", "Accept-Encoding"


def is_compressed(path: str) -> bool:
    """Whether clients decode what is answered at `path`.

    Below `/v2` they do so for what was inferred alone: Triton compresses nothing else, and its
    asynchronous client accepts codings without decoding them.
    """
    return not path.startswith("/v2/") or path.endswith("/infer")


async def compress(response: Response, accept_encoding: str) -> None:
    """Compress a response's body, which has at least `MIN_BYTES`, if the client takes it so."""
    response.headers.add_vary_header(ACCEPT_ENCODING)
    coding = accepted(accept_encoding)
    if coding is None:
        return
    body = bytes(response.body)
    response.body = await aside(len(body), Encoder(coding).feed, body, last=True)
    response.headers["Content-Encoding"] = coding
    response.headers["Content-Length"] = str(len(response.body))


class Compression:
    """ASGI middleware that compresses text, whole or in pieces as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        if scope["type"] != "http" or not is_compressed(scope["path"]):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        encoder: Encoder | None = None

        async def send_compressed(message: Message) -> None:
            nonlocal start, encoder
            if message["type"] == "http.response.start":
                start = message  # goes out with the first piece, whose size decides
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            last = not message.get("more_body", False)
            if start is not None:
                encoder = _encoder(start, scope, None if not last else len(message.get("body", b"")))
                if encoder is not None and last:
                    body = await aside(len(message["body"]), encoder.feed, message["body"], last=True)
                    MutableHeaders(raw=start["headers"])["Content-Length"] = str(len(body))
                    message, encoder = {**message, "body": body}, None
                await send(start)
                start = None
            if encoder is not None:
                piece = message.get("body", b"")
                message = {**message, "body": await aside(len(piece), encoder.feed, piece, last=last)}
            await send(message)

        await self._app(scope, receive, send_compressed)


def _encoder(start: Message, scope: Scope, size: int | None) -> Encoder | None:
    """The encoder of a response of `size` bytes (None: not known yet), and its headers."""
    start["headers"] = list(start.get("headers", ()))
    headers = MutableHeaders(raw=start["headers"])
    size = int(headers.get("Content-Length", MIN_BYTES)) if size is None else size
    if size < MIN_BYTES or "Content-Encoding" in headers or "Content-Range" in headers:
        return None
    if not headers.get("Content-Type", "").startswith(_TEXT):
        return None
    headers.add_vary_header(ACCEPT_ENCODING)
    coding = accepted(scope[CONTEXT].headers.get("accept-encoding", ""))
    if coding is None:
        return None
    headers["Content-Encoding"] = coding
    del headers["Content-Length"]
    return Encoder(coding)
