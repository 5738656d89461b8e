"""The first and the last phase of every request: makes its context, and finally calls its ends."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.observability import metrics
from gateway.observability.tracing import Tracer, client_trace_id
from gateway.request.context import CONTEXT, RequestContext
from gateway.request.hooks import End

log = structlog.get_logger()
CLIENT_GONE = 499
"""The status in logs and metrics where the client was gone before the answer, as in nginx."""
SINGLE = frozenset(
    {
        "api-key",
        "authorization",
        "content-encoding",
        "inference-header-content-length",
        "x-priority",
        "x-request-timeout-ms",
        "x-unit-attributes",
        "x-unit-id",
    }
)
"""Headers of which one value counts: of several, a proxy may read another one than we."""
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


class Observe:
    """ASGI middleware; puts a `RequestContext` into `scope[CONTEXT]`.

    `internal_error` gives the body of a 500 for a client of this path. Each of `ends` is called
    once with every request, on every exit; one that raises is logged. With a `tracer`, the span of
    a request starts and ends here.
    """

    def __init__(
        self, app: ASGIApp, internal_error: Callable[[str], bytes], ends: Sequence[End] = (), tracer: Tracer | None = None
    ) -> None:
        self._app, self._internal_error, self._tracer = app, internal_error, tracer
        self._ends = ends if tracer is None else (*ends, tracer.end)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope; any other than HTTP is passed through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # a dictionary, made once: a look-up in Starlette's Headers walks the whole list each time
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        ctx = scope[CONTEXT] = RequestContext(given if _REQUEST_ID.fullmatch(given) else _request_id(), headers)
        if len(headers) != len(scope["headers"]):
            ctx.repeated = repeated(scope["headers"])
        if self._tracer is not None:
            self._tracer.begin(ctx, scope)
        elif "traceparent" in headers:
            ctx.trace_id = client_trace_id(headers["traceparent"])
        status, complete = CLIENT_GONE, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                if ctx.timing.stages_s:
                    # the time that no stage has counted yet: the stages add up to the time so far
                    ctx.timing.lap("answer" if status < 400 else "fail")
                message["headers"].extend(_headers(ctx))
            else:
                complete = not message.get("more_body")
            await send(message)

        metrics.IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception("internal error", request_id=ctx.request_id)
            if status == CLIENT_GONE:
                await self._send_internal_error(scope["path"], send_with_headers)
            elif not complete:
                raise  # the server closes the connection, so that the client sees that the response is cut
        finally:
            metrics.IN_FLIGHT.dec()
            for end in self._ends:
                try:
                    end(ctx, scope, status)
                except Exception:
                    # the request has its answer, and the other ends must still see it
                    log.exception("an end of a request failed", request_id=ctx.request_id)

    async def _send_internal_error(self, path: str, send: Send) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": self._internal_error(path)})


def repeated(headers: Iterable[tuple[bytes, bytes]]) -> Sequence[str]:
    """The names of the headers that may come once and have come more often."""
    counts = Counter(name.decode("latin-1") for name, _ in headers)
    return sorted(name for name, count in counts.items() if count > 1 and name in SINGLE)


def _request_id() -> str:
    return f"{random.getrandbits(128):032x}"  # it must be unique, not secret


def _headers(ctx: RequestContext) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-request-id", ctx.request_id.encode())]
    placement = ctx.placement
    if placement.version:
        headers.append((b"x-model-version", b"%d" % placement.version))
    if placement.arms:
        headers.append((b"x-experiment", ", ".join([arm.experiment for arm in placement.arms]).encode()))
        headers.append((b"x-variant", ", ".join([arm.variant for arm in placement.arms]).encode()))
    if ctx.cache_status:
        headers.append((b"x-cache", ctx.cache_status.encode()))
    if ctx.timing.stages_s:
        headers.append((b"server-timing", ctx.timing.server_timing().encode()))
    headers += ctx.rate_limit()
    return headers
