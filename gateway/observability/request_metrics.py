"""An end of requests: counts and times a request."""

from collections.abc import Callable
from functools import cache

from starlette.types import Scope

from gateway.observability import metrics
from gateway.request.context import RequestContext

_Observe = Callable[[float, dict[str, str] | None], None]


def measure(ctx: RequestContext, _: Scope, status: int) -> None:
    """Count a request and its time, by arm, cache status and status."""
    placement = ctx.placement
    count, observe = _meters(placement.model, placement.version or "", placement.experiment, placement.variant, ctx.cache_status, status)
    count()
    # the trace id becomes the exemplar of the histogram's bucket; the library keeps exemplars only
    # where there is a single process
    observe(ctx.timing.elapsed_s(), None if ctx.trace is None else {"trace_id": ctx.trace_id})
    for stage, seconds in ctx.timing.stages_s.items():
        _stage_meter(stage)(seconds)


# looking a label up in the library costs as much as counting does, and the labels are few
@cache
def _meters(
    model: str, version: int | str, experiment: str, variant: str, cache_status: str, status: int
) -> tuple[Callable[[], None], _Observe]:
    arm = (model, version, experiment, variant, cache_status)
    return metrics.REQUESTS.labels(*arm, status).inc, metrics.REQUEST_SECONDS.labels(*arm).observe


@cache
def _stage_meter(stage: str) -> Callable[[float], None]:
    return metrics.STAGE_SECONDS.labels(stage).observe
