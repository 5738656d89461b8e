"""Traces, which are off unless the standard `OTEL_*` variables ask for them.

OpenTelemetry is imported only if they do. One trace leads from the client's `traceparent` through
the request's span and the span of the call to Triton into Triton itself.
"""

import os
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from starlette.types import Scope

from gateway.observability.otel_variables import TracingError, asked_for
from gateway.request.context import RequestContext

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?![0-9a-f])")
_NOTHING: AbstractContextManager[str] = nullcontext("")


TraceCall = Callable[[str, str, str, int, int], AbstractContextManager[str]]
"""(name, address, model, version, items) → the span of a call, which gives lines of HTTP headers.

It is a `Tracer.call`.
"""


class Tracer(Protocol):
    """Makes spans and exports them."""

    def begin(self, ctx: RequestContext, scope: Scope) -> None:
        """Start the span of a request and note it in `ctx`.

        Its parent is the span that the request's headers name.
        """

    def end(self, ctx: RequestContext, scope: Scope, status: int) -> None:
        """End the span of a request, with a child span for each of its stages."""

    def call(self, name: str, address: str, model: str, version: int, items: int) -> AbstractContextManager[str]:
        """The span of a call to `address` (host:port), made for the requests of this asyncio task.

        It gives the lines of HTTP headers that propagate the trace, each ended by CR LF.
        """

    def close(self) -> None:
        """Export the spans that are left, for a few seconds at most."""


def check(environ: Mapping[str, str]) -> None:
    """Check that traces can be made as the variables ask for them.

    Raises:
        TracingError: a variable cannot be used.
    """
    if not asked_for(environ):
        return
    try:
        from gateway.observability.open_telemetry import exporters
    except ModuleNotFoundError as exc:
        raise TracingError(f"OTEL_*: traces are asked for and {exc.name} is missing: pip install 'headrace[tracing]'") from exc
    exporters(environ)


def start(version: str) -> Tracer | None:
    """Make this process's tracer if traces are asked for; `version` is the gateway's.

    Raises:
        TracingError: a variable cannot be used.
    """
    if not asked_for(os.environ):
        return None
    check(os.environ)
    from gateway.observability.open_telemetry import OpenTelemetry

    return OpenTelemetry(os.environ, version)


def untraced(name: str, address: str, model: str, version: int, items: int) -> AbstractContextManager[str]:
    """A `TraceCall` that makes no span and gives no header lines."""
    return _NOTHING


def client_trace_id(traceparent: str) -> str:
    """The trace id of a W3C `traceparent` header, "" where the header is malformed."""
    found = _TRACEPARENT.match(traceparent)
    return found[1] if found else ""
