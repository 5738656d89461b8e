"""Traces, off unless the standard `OTEL_*` variables ask for them: then, and only then, OpenTelemetry is imported.

One trace leads from the client's `traceparent` through the request's span and the span of the call to Triton into Triton itself.
"""

import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from starlette.types import Scope

from gateway.request.context import RequestContext

RPC = "headrace.rpc"
"""Stands in the scope of a request that came by gRPC."""
_ASKING = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?![0-9a-f])")
_NOTHING: AbstractContextManager[str] = nullcontext("")


class TracingError(ValueError):
    """An `OTEL_*` variable that cannot be used; the message names it."""


_OTLP_HTTP = "http/protobuf"
_COLLECTOR = "http://localhost:4318"


class Tracer(Protocol):
    """Makes spans and sends them away."""

    def begin(self, ctx: RequestContext, scope: Scope) -> None:
        """Open the span of a request and note it in `ctx`; its parent is what the request's headers name."""

    def end(self, ctx: RequestContext, scope: Scope, status: int) -> None:
        """Close the span of a request, with a span for each of its stages."""

    def call(self, name: str, address: str, model: str, version: int, items: int) -> AbstractContextManager[str]:
        """The span of a call to `address` (host:port) that serves the requests of this task.

        Gives the lines of the call's HTTP headers that carry it on, each ended by CR LF.
        """

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""


class _Running:
    tracer: Tracer | None = None


def asked_for(environ: Mapping[str, str]) -> bool:
    """Whether the variables ask for traces: an exporter or an endpoint is named, and neither `none` nor `OTEL_SDK_DISABLED` says no."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or environ.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
        return False
    return any(environ.get(name, "").strip() for name in _ASKING)


def protocol(environ: Mapping[str, str]) -> str:
    """The protocol of the OTLP exporter."""
    return environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _OTLP_HTTP


def triton_arguments(environ: Mapping[str, str]) -> list[str]:
    """What makes a tritonserver send its spans of our traces, and no others, where ours go; it speaks OTLP over HTTP only."""
    exporters = [name.strip() for name in (environ.get("OTEL_TRACES_EXPORTER") or "otlp").split(",")]
    if not asked_for(environ) or "otlp" not in exporters or protocol(environ) != _OTLP_HTTP:
        return []
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or _COLLECTOR
    url = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or f"{base.rstrip('/')}/v1/traces"
    return [
        "--trace-config=mode=opentelemetry",
        f"--trace-config=opentelemetry,url={url}",
        "--trace-config=opentelemetry,resource=service.name=headrace-triton",
        "--trace-config=level=TIMESTAMPS",
        "--trace-config=rate=0",  # a request that carries a trace is traced whatever the rate
    ]


def check(environ: Mapping[str, str]) -> None:
    """Whether traces can be made as they are asked for.

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
    """Make this process's tracer, of the gateway's `version`, if traces are asked for.

    Raises:
        TracingError: a variable cannot be used.
    """
    if not asked_for(os.environ):
        return None
    check(os.environ)
    from gateway.observability.open_telemetry import OpenTelemetry

    _Running.tracer = OpenTelemetry(os.environ, version)
    return _Running.tracer


def call(name: str, address: str, model: str, version: int, items: int) -> AbstractContextManager[str]:
    """As `Tracer.call`; no lines where traces are off."""
    return _NOTHING if _Running.tracer is None else _Running.tracer.call(name, address, model, version, items)


def client_trace_id(traceparent: str) -> str:
    """The trace id of a W3C `traceparent` header, "" where it is not one."""
    found = _TRACEPARENT.match(traceparent)
    return found[1] if found else ""
