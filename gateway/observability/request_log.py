"""An end of requests: writes the one line of a request into the log."""

from typing import Any

from starlette.types import Scope

from gateway.observability import logs
from gateway.printable import printable
from gateway.request.context import RequestContext

MAX_PATH_CHARS = 512


def log_request(ctx: RequestContext, scope: Scope, status: int) -> None:
    """Write the line of a request, unless the level excludes such lines."""
    if not logs.requests_are_logged():
        return
    line: dict[str, Any] = {
        "request_id": ctx.request_id,
        "method": scope["method"],
        "path": printable(scope["path"], MAX_PATH_CHARS),
        "status": status,
        "ms": round(ctx.timing.elapsed_s() * 1e3, 3),
    }
    placement = ctx.placement
    if placement.model:
        line |= {"model": placement.model, "version": placement.version or None, "instances": ctx.instances, "cache": ctx.cache_status}
    if ctx.cache_status == "partial":
        line |= {"items": ctx.items, "hits": ctx.hits}
    if placement.arms:
        line |= {"experiment": placement.experiment, "variant": placement.variant}
    if len(placement.arms) > 1:
        line["also_in"] = {arm.experiment: arm.variant for arm in placement.arms[1:]}
    if placement.fallback:
        line["fallback"] = True
    if ctx.tenant:
        line["tenant"] = ctx.tenant
    if ctx.trace_id:
        line["trace_id"] = ctx.trace_id
    if ctx.error:
        line["error"] = ctx.error
    logs.write_request(line)
