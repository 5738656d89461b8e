"""What a request was, as experiments count it, known when it has ended. Pure."""

from gateway.measurement.features import Seen
from gateway.request.context import RequestContext

_CACHED = ("hit", "stale")


def seen_of(ctx: RequestContext, status: int, objective_s: float | None = None) -> Seen:
    """What is counted of a request that ended with this status, whichever way it ended.

    `objective_s` is the latency objective; None: there is none, and no request is slow. An item
    that waited for a computation of another request counts as computed, too.
    """
    latency_s = ctx.timing.elapsed_s()
    items = ctx.items or ctx.instances or 1
    hits = items if ctx.cache_status in _CACHED else ctx.hits
    answered = status < 400
    return Seen(
        latency_s,
        items=items,
        hits=hits,
        computed=items - hits if answered else 0,
        triton_s=ctx.triton_s,
        slow=objective_s is not None and latency_s > objective_s,
        error=status >= 500,
        shed=status == 429,
        fallback=ctx.placement.fallback,
        bypass=ctx.placement.bypass,
    )
