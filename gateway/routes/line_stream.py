"""The ASGI response to a stream of lines: it reads lines, works on them and sends at the same time.

The window of lines in flight bounds memory and carries back-pressure: while the client does not
read, the gateway does not read from it. Of a packed stream no more is unpacked without a line than
a line may be long: a few bytes may hold gigabytes of nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway.concurrency.ordered import Ordered
from gateway.dialects import ndjson
from gateway.dialects.ndjson import Line, Splitter
from gateway.errors import GatewayError, MalformedRequest, TooLarge
from gateway.http_server.content_coding import MAX_PARTS, Decoder
from gateway.request.context import RequestContext
from gateway.request.request_limits import RequestLimits

CLIENT_LEFT = "the client left"


class Refused(Exception):
    """The caller may send no more lines, from this one on."""

    def __init__(self, number: int, error: GatewayError) -> None:
        super().__init__(error.message)
        self.number, self.error = number, error


class LineStream(Response):
    """Sends `line_out` of each line of the request's body, in the order of the lines.

    `check` raises a `GatewayError` once the caller may ask no more. The line that comes then gets
    this error, and the stream ends.

    Raises:
        UnknownCoding: the body is compressed in a way that is not known here.
    """

    media_type = ndjson.MEDIA_TYPE

    def __init__(
        self,
        request: Request,
        ctx: RequestContext,
        limits: RequestLimits,
        line_out: Callable[[Line], Awaitable[bytes]],
        check: Callable[[], Awaitable[None]],
    ) -> None:
        self._request, self._ctx, self._limits = request, ctx, limits
        self._line_out, self._check = line_out, check
        self._decoder = Decoder(ctx.headers.get("content-encoding", ""), MAX_PARTS)
        self._read_over = asyncio.Event()
        self.status_code, self.background = 200, None
        self.init_headers({"X-Accel-Buffering": "no"})  # for proxies that would wait for the whole response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a line for every line, or as many as the client stays for."""
        sending = asyncio.create_task(self._send_lines(send))
        watching = asyncio.create_task(self._watch(receive))
        try:
            await asyncio.wait([sending, watching], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sent = sending.done()
            sending.cancel()
            watching.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)
        if sent:
            sending.result()
        else:
            self._ctx.error = CLIENT_LEFT

    async def _watch(self, receive: Receive) -> None:
        """Wait until the client leaves.

        The reader of lines receives all messages until it ends, because the lines end or because
        the client has left; only then is there anything to watch for.
        """
        await self._read_over.wait()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _send_lines(self, send: Send) -> None:
        limits = self._limits
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        ordered = Ordered(self._lines_in(), self._line_out, _size_bytes, max_pieces=limits.stream_window, max_bytes=limits.body.max_bytes)
        try:
            async with aclosing(ordered.results()) as results:
                async for together in results:
                    async with asyncio.timeout(limits.stream_stall_s):
                        await send({"type": "http.response.body", "body": b"".join(together), "more_body": True})
        except ClientDisconnect:
            self._ctx.error = CLIENT_LEFT
        except Refused as exc:
            self._ctx.error = repr(exc.error)
            await send({"type": "http.response.body", "body": ndjson.error_line(exc.number, exc.error), "more_body": False})
        except TimeoutError:
            # without the last message the client sees that the response is not whole
            self._ctx.error = f"cut off: the client neither sent nor read for {limits.stream_stall_s:g} s"
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _lines_in(self) -> AsyncIterator[Line]:
        splitter, decoder = Splitter(self._limits.body.max_bytes), self._decoder
        lineless_bytes = 0
        try:
            async with aclosing(self._request.stream()) as chunks:
                while (chunk := await self._next(chunks)) is not None:
                    for nth, piece in enumerate(decoder.feed(chunk)):
                        if nth:  # a few bytes may unpack to many pieces
                            await asyncio.sleep(0)
                        lineless_bytes += len(piece)
                        for line in splitter.feed(piece):
                            lineless_bytes = 0
                            decoder.count_parts_anew()
                            yield await self._checked(line)
                        if decoder.unpacks and lineless_bytes > self._limits.body.max_bytes:
                            raise self._too_long(splitter.next_number)
            decoder.end()
        except MalformedRequest as exc:
            raise Refused(splitter.next_number, exc) from exc
        finally:
            self._read_over.set()
        for line in splitter.end():
            yield await self._checked(line)

    def _too_long(self, number: int) -> Refused:
        """Of what is packed, what follows a line that is too long may be without end."""
        limit = self._limits.body.max_bytes
        return Refused(number, TooLarge(f"the packed stream has more than {limit} bytes without a line; send shorter instances"))

    async def _checked(self, line: Line) -> Line:
        if line.raw is None and self._decoder.unpacks:
            raise self._too_long(line.number)
        try:
            await self._check()
        except GatewayError as exc:
            raise Refused(line.number, exc) from exc
        return line

    async def _next(self, chunks: AsyncGenerator[bytes, None]) -> bytes | None:
        async with asyncio.timeout(self._limits.stream_stall_s):
            return await anext(chunks, None)


def _size_bytes(line: Line) -> int:
    return len(line.raw or b"")
