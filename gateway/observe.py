"""The first and the last phase of every request: makes its context; on every exit writes the one log line and all metrics."""

import re
import uuid
from collections.abc import Iterator
from time import perf_counter

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import metrics
from gateway.context import RequestContext

log = structlog.get_logger()
CONTEXT = "headrace.context"
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_INTERNAL_ERROR = orjson.dumps({"error": "internal error; the log has the details under this request's id"})


class Observe:
    """ASGI middleware; puts a `RequestContext` into `scope[CONTEXT]`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # once into a dictionary: a look-up in Starlette's Headers walks the whole list each time
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        ctx = scope[CONTEXT] = RequestContext(given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex, headers)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].extend(_headers(ctx))
            await send(message)

        metrics.IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception("internal error", request_id=ctx.request_id)
            if status:
                raise
            await _send_internal_error(send_with_headers)
        finally:
            metrics.IN_FLIGHT.dec()
            _measure(ctx, status)
            _log(ctx, scope, status, headers.get("traceparent"))


def _headers(ctx: RequestContext) -> Iterator[tuple[bytes, bytes]]:
    yield b"x-request-id", ctx.request_id.encode()
    if ctx.version is not None:
        yield b"x-model-version", b"%d" % ctx.version
    if ctx.experiment:
        yield b"x-experiment", ctx.experiment.encode()
        yield b"x-variant", ctx.variant.encode()
    if ctx.cache:
        yield b"x-cache", ctx.cache.encode()
    if ctx.stages_s:
        yield b"server-timing", ctx.server_timing().encode()
    yield from ctx.rate_limit()


async def _send_internal_error(send: Send) -> None:
    await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": _INTERNAL_ERROR})


def _measure(ctx: RequestContext, status: int) -> None:
    arm = (ctx.model, ctx.version or "", ctx.experiment, ctx.variant, ctx.cache)
    metrics.REQUESTS.labels(*arm, status).inc()
    metrics.REQUEST_SECONDS.labels(*arm).observe(perf_counter() - ctx.started)
    for stage, seconds in ctx.stages_s.items():
        metrics.STAGE_SECONDS.labels(stage).observe(seconds)


def _log(ctx: RequestContext, scope: Scope, status: int, traceparent: str | None) -> None:
    line = {
        "request_id": ctx.request_id,
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round((perf_counter() - ctx.started) * 1e3, 3),
    }
    if ctx.model:
        line |= {"model": ctx.model, "version": ctx.version, "instances": ctx.instances, "cache": ctx.cache}
    if ctx.experiment:
        line |= {"experiment": ctx.experiment, "variant": ctx.variant}
    if ctx.tenant:
        line["tenant"] = ctx.tenant
    if traceparent:
        line["traceparent"] = traceparent
    if ctx.error:
        line["error"] = ctx.error
    log.info("request", **line)
