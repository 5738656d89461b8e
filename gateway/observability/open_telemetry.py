"""Traces by OpenTelemetry.

This is the only module that imports OpenTelemetry, and it is imported only if traces are asked for.
The standard variables configure everything but the spans: exporters, endpoints, sampler,
propagators, resource, batching.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from time import perf_counter, time_ns
from typing import Any

from opentelemetry import propagate
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from starlette.types import Scope

from gateway.observability.otel_variables import TracingError, protocol
from gateway.request.context import CURRENT, RPC, SERVED, RequestContext

CLOSE_TIMEOUT_S = 3.0
MAX_LINKS = 128
"""The most calls that a request is linked with, the library's own limit.

Without a limit a stream would collect links for as long as it lasts.
"""
_OTLP = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}


@dataclass(slots=True)
class _Trace:
    """A request's span and the spans of the calls that were made for it.

    `started_ns` is the wall clock's time at the moment that the context's timing calls `started`.
    """

    span: Span
    started_ns: int
    calls: list[SpanContext] = field(default_factory=list)


class OpenTelemetry:
    """A `Tracer` that sends its spans to where `environ` says."""

    def __init__(self, environ: Mapping[str, str], version: str) -> None:
        ours = Resource({"service.name": "headrace-gateway", "service.version": version, "process.pid": os.getpid()})
        self._provider = TracerProvider(
            resource=Resource.create().merge(ours).merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        for exporter in exporters(environ):
            self._provider.add_span_processor(BatchSpanProcessor(exporter.load()()))
        self._tracer = self._provider.get_tracer("headrace.gateway", version)

    def begin(self, ctx: RequestContext, scope: Scope) -> None:
        """As `Tracer.begin`."""
        started_ns = time_ns() - round((perf_counter() - ctx.timing.started) * 1e9)
        name, attributes = _of_request(scope)
        attributes["headrace.request_id"] = ctx.request_id
        span = self._tracer.start_span(name, propagate.extract(ctx.headers), SpanKind.SERVER, attributes, start_time=started_ns)
        ctx.trace_id = format_trace_id(span.get_span_context().trace_id)
        if span.is_recording():
            ctx.trace = _Trace(span, started_ns)
            CURRENT.set(ctx)

    def end(self, ctx: RequestContext, scope: Scope, status: int) -> None:
        """As `Tracer.end`."""
        if ctx.trace is None:
            return
        span: Span = ctx.trace.span
        if route := getattr(scope.get("route"), "path_format", None):
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        span.set_attributes({f"headrace.{name}": value for name, value in _noted(ctx).items() if value})
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        parent, at_ns = set_span_in_context(span), ctx.trace.started_ns
        for stage, seconds in ctx.timing.stages_s.items():
            # a call may serve several requests but has one parent; the other requests get this link
            links = [Link(call) for call in ctx.trace.calls] if stage == "infer" else ()
            end_ns = at_ns + round(seconds * 1e9)
            self._tracer.start_span(stage, parent, links=links, start_time=at_ns).end(end_ns)
            at_ns = end_ns
        span.end()

    @contextmanager
    def call(self, name: str, address: str, model: str, version: int, items: int) -> Iterator[str]:
        """As `Tracer.call`: a child of the first request's span that links to the others' spans."""
        traces: list[_Trace] = [ctx.trace for ctx in SERVED.get()]
        if not traces:
            yield ""
            return
        host, _, port = address.rpartition(":")
        attributes: dict[str, Any] = {
            "http.request.method": "POST",
            "server.address": host.strip("[]"),
            "server.port": int(port),
            "headrace.model": model,
            "headrace.version": version,
            "headrace.items": items,
        }
        links = [Link(trace.span.get_span_context()) for trace in traces[1:]]
        span = self._tracer.start_span(name, set_span_in_context(traces[0].span), SpanKind.CLIENT, attributes, links)
        for trace in traces:
            if len(trace.calls) < MAX_LINKS:
                trace.calls.append(span.get_span_context())
        carrier: dict[str, str] = {}
        propagate.inject(carrier, set_span_in_context(span))
        try:
            yield "".join(f"{name}: {value}\r\n" for name, value in carrier.items())
        except BaseException as exc:
            # only its class: a foreign message may quote what a client sent
            span.set_status(Status(StatusCode.ERROR, type(exc).__name__))
            raise
        finally:
            span.end()

    def close(self) -> None:
        """As `Tracer.close`."""
        # in a thread, since an exporter retries for half a minute if its collector is gone
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)


def _of_request(scope: Scope) -> tuple[str, dict[str, Any]]:
    """The name of a request's span, as far as it is known at the start, and its attributes."""
    if RPC not in scope:
        return scope["method"], {"http.request.method": scope["method"], "url.path": scope["path"]}
    name = scope["path"].removeprefix("/")
    service, _, method = name.partition("/")
    return name, {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}


def _noted(ctx: RequestContext) -> dict[str, str | int]:
    placement = ctx.placement
    return {
        "tenant": ctx.tenant,
        "model": placement.model,
        "version": placement.version,
        "experiment": placement.experiment,
        "variant": placement.variant,
        "cache": ctx.cache_status,
        "instances": ctx.instances,
    }


def exporters(environ: Mapping[str, str]) -> list[EntryPoint]:
    """The exporters that `OTEL_TRACES_EXPORTER` names.

    By default this is `otlp` with the protocol that its own variables name.

    Raises:
        TracingError: an exporter or protocol that is not known here.
    """
    if (spoken := protocol(environ)) not in _OTLP:
        raise TracingError(f"OTEL_EXPORTER_OTLP_PROTOCOL: {spoken!r} is not known; give {' or '.join(_OTLP)}")
    found = []
    for name in (part.strip() for part in (environ.get("OTEL_TRACES_EXPORTER") or "otlp").split(",")):
        known = list(entry_points(group="opentelemetry_traces_exporter", name=_OTLP[spoken] if name == "otlp" else name))
        if not known:
            raise TracingError(f"OTEL_TRACES_EXPORTER: {name!r} is not known; give otlp, console or none, or install its package")
        found.append(known[0])
    return found
