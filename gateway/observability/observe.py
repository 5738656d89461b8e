"""The first and the last phase of every request: makes its context; on every exit writes the one log line and all metrics."""

import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from time import perf_counter
from typing import Any

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.dialects.error_body import error_body
from gateway.errors import INTERNAL_ERROR
from gateway.observability import logs, metrics
from gateway.observability.tracing import Tracer, client_trace_id
from gateway.request.context import CONTEXT, RequestContext

log = structlog.get_logger()
CLIENT_GONE = 499
"""The status in logs and metrics where nobody was left to answer, as nginx has it."""
_Observe = Callable[[float, dict[str, str] | None], None]
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


class Observe:
    """ASGI middleware; puts a `RequestContext` into `scope[CONTEXT]`."""

    def __init__(self, app: ASGIApp, tracer: Tracer | None = None) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # once into a dictionary: a look-up in Starlette's Headers walks the whole list each time
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        ctx = scope[CONTEXT] = RequestContext(given if _REQUEST_ID.fullmatch(given) else _request_id(), headers)
        if self._tracer is not None:
            self._tracer.begin(ctx, scope)
        elif "traceparent" in headers:
            ctx.trace_id = client_trace_id(headers["traceparent"])
        status, whole = CLIENT_GONE, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, whole
            if message["type"] == "http.response.start":
                status = message["status"]
                if ctx.stages_s:
                    # whatever was not booked yet, so that the stages add up to the time until now
                    ctx.lap("answer" if status < 400 else "fail")
                message["headers"].extend(_headers(ctx))
            else:
                whole = not message.get("more_body")
            await send(message)

        metrics.IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception("internal error", request_id=ctx.request_id)
            if status == CLIENT_GONE:
                await _send_internal_error(scope["path"], send_with_headers)
            elif not whole:
                raise  # the server closes the connection, so that the client sees it
        finally:
            metrics.IN_FLIGHT.dec()
            _measure(ctx, status)
            if self._tracer is not None:
                self._tracer.end(ctx, scope, status)
            if logs.requests_are_logged():
                _log(ctx, scope, status)


def _request_id() -> str:
    return f"{random.getrandbits(128):032x}"  # has to differ from others, not to be secret


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


async def _send_internal_error(path: str, send: Send) -> None:
    await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": orjson.dumps(error_body(path, 500, INTERNAL_ERROR))})


def _measure(ctx: RequestContext, status: int) -> None:
    count, observe = _meters(ctx.model, ctx.version or "", ctx.experiment, ctx.variant, ctx.cache, status)
    count()
    # the trace of a request as an example of those that took as long; the library keeps these for single processes only
    observe(perf_counter() - ctx.started, None if ctx.trace is None else {"trace_id": ctx.trace_id})
    for stage, seconds in ctx.stages_s.items():
        _stage_meter(stage)(seconds)


# a label's look-up in the library costs as much as the counting; the labels are few
@cache
def _meters(
    model: str, version: int | str, experiment: str, variant: str, cache_status: str, status: int
) -> tuple[Callable[[], None], _Observe]:
    arm = (model, version, experiment, variant, cache_status)
    return metrics.REQUESTS.labels(*arm, status).inc, metrics.REQUEST_SECONDS.labels(*arm).observe


@cache
def _stage_meter(stage: str) -> Callable[[float], None]:
    return metrics.STAGE_SECONDS.labels(stage).observe


def _log(ctx: RequestContext, scope: Scope, status: int) -> None:
    line: dict[str, Any] = {
        "request_id": ctx.request_id,
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round((perf_counter() - ctx.started) * 1e3, 3),
    }
    if ctx.model:
        line |= {"model": ctx.model, "version": ctx.version, "instances": ctx.instances, "cache": ctx.cache}
    if ctx.cache == "partial":
        line |= {"items": ctx.items, "hits": ctx.hits}
    if ctx.experiment:
        line |= {"experiment": ctx.experiment, "variant": ctx.variant}
    if ctx.tenant:
        line["tenant"] = ctx.tenant
    if ctx.trace_id:
        line["trace_id"] = ctx.trace_id
    if ctx.error:
        line["error"] = ctx.error
    logs.write_request(line)
