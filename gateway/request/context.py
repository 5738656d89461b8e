"""The one context of a request: filled in by the stages, read by the final phase that logs and measures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from gateway.request.principal import ANONYMOUS, Principal

CONTEXT = "headrace.context"
"""Where the request's context stands in its ASGI scope."""

RPC = "headrace.rpc"
"""Stands in the scope of a request that came by gRPC."""


@dataclass(slots=True)
class RequestContext:
    """What is known of a request. Times are of `time.perf_counter`, in seconds; `cache` is the value of `X-Cache`.

    `headers` are the request's, by lower-case name; of a repeated one the last. `rate_limit` gives
    the `x-ratelimit-*` headers as they stand when the answer begins. `cache_bypass` says that the experiment wants this request
    computed, whatever is cached. Of a `partial` answer, `hits` of `items` were cached. `trace_id` is that of the client's
    `traceparent` or, where traces are made, of the span in `trace`, which `gateway.observability.tracing` alone looks into.
    """

    request_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    started: float = field(default_factory=perf_counter)
    tenant: str = ""
    principal: Principal = ANONYMOUS
    rate_limit: Callable[[], Iterable[tuple[bytes, bytes]]] = tuple
    model: str = ""
    version: int | None = None
    experiment: str = ""
    variant: str = ""
    cache: str = ""
    cache_bypass: bool = False
    instances: int = 0
    items: int = 0
    hits: int = 0
    error: str = ""
    trace_id: str = ""
    trace: Any = None
    stages_s: dict[str, float] = field(default_factory=dict)
    _lap: float = 0.0

    def lap(self, stage: str) -> None:
        """Book the time since the last lap (or the start) on `stage`."""
        now = perf_counter()
        self.stages_s[stage] = self.stages_s.get(stage, 0.0) + now - (self._lap or self.started)
        self._lap = now

    def server_timing(self) -> str:
        """The stages as a `Server-Timing` header, milliseconds."""
        return ", ".join(f"{stage};dur={seconds * 1e3:.2f}" for stage, seconds in self.stages_s.items())


CURRENT: ContextVar[RequestContext | None] = ContextVar("headrace_request", default=None)
"""The request that a task works for; known only while traces are made."""

SERVED: ContextVar[Sequence[RequestContext]] = ContextVar("headrace_served", default=())
"""The requests that a joined call works for; known only while traces are made."""
