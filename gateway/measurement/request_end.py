"""What a request was, as experiments count it, known when it has ended."""

from starlette.types import Scope

from gateway.measurement.exposures import Exposures
from gateway.measurement.features import Seen
from gateway.request.context import RequestContext

_CACHED = ("hit", "stale")


class CountExposures:
    """An end of requests: counts each in the experiments that it was assigned in.

    `objective_s` is the latency objective. `exposures` is where they are counted, None where there
    is no state.
    """

    exposures: Exposures | None = None

    def __init__(self, objective_s: float) -> None:
        self._objective_s = objective_s

    def __call__(self, ctx: RequestContext, scope: Scope, status: int) -> None:
        """Count a request that ended with this status, whichever way it ended."""
        if ctx.placement.arms and self.exposures is not None:
            self.exposures.add(ctx.placement.arms, seen_of(ctx, status, self._objective_s))


def seen_of(ctx: RequestContext, status: int, objective_s: float) -> Seen:
    """What is counted of a request. Pure.

    An item that waited for a computation of another request counts as computed, too.
    """
    latency_s = ctx.timing.elapsed_s()
    items = ctx.items or ctx.instances or 1
    hits = items if ctx.cache_status in _CACHED else ctx.hits
    placement = ctx.placement
    # in the order of the fields, since names cost as much as all the rest
    return Seen(
        latency_s,
        items,
        hits,
        items - hits if status < 400 else 0,
        ctx.triton_s,
        latency_s > objective_s,
        status >= 500,
        status == 429,
        placement.fallback,
        placement.bypass,
    )
