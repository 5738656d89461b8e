"""The one context of a request: its stages fill it in, and its ends read it to log and measure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from gateway.request.placement import UNPLACED, Placement
from gateway.request.principal import ANONYMOUS, Principal
from gateway.request.timing import Timing

CONTEXT = "headrace.context"
"""Where the request's context stands in its ASGI scope."""

RPC = "headrace.rpc"
"""Stands in the scope of a request that came by gRPC."""


@dataclass(slots=True)
class RequestContext:
    """What is known of a request.

    `headers` are the request's, by lower-case name; of a repeated one the last. `repeated` names
    those that came more than once although one value counts. `rate_limit` gives the `x-ratelimit-*`
    headers as they stand when the answer begins. `cache_status` is the value of
    `X-Cache`; of a `partial` answer, `hits` of `items` were cached. `trace_id` is that of the
    client's `traceparent` or, where traces are made, of the span in `trace`, which only
    `gateway.observability.open_telemetry` looks into. `body` is the request's, once it was read;
    while the request is answered `again` (`gateway.calls.replacement`) it is not read anew.
    It holds `body_bytes` of the room of bodies, which `give_back` gives back.
    `computed` counts the items whose computation was begun for an answer that did not come.
    `triton_s` is how long the model server worked for it, with its share of calls with others.
    """

    request_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    tenant: str = ""
    principal: Principal = ANONYMOUS
    rate_limit: Callable[[], Iterable[tuple[bytes, bytes]]] = tuple
    placement: Placement = UNPLACED
    cache_status: str = ""
    instances: int = 0
    items: int = 0
    hits: int = 0
    computed: int = 0
    triton_s: float = 0.0
    error: str = ""
    trace_id: str = ""
    trace: Any = None
    body: bytes = b""
    body_bytes: int = 0
    give_back: Callable[[int], None] | None = None
    again: bool = False
    repeated: Sequence[str] = ()


CURRENT: ContextVar[RequestContext | None] = ContextVar("headrace_request", default=None)
"""The request that a task works for; known only while traces are made."""

SERVED: ContextVar[Sequence[RequestContext]] = ContextVar("headrace_served", default=())
"""The requests that a joined call works for; known only while traces are made."""
