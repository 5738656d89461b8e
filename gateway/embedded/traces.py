"""Traces of the embedded tritonserver, which go where the gateway's own traces go."""

from collections.abc import Mapping

from gateway.observability.otel_variables import OTLP_HTTP, asked_for, protocol

_COLLECTOR = "http://localhost:4318"


def triton_arguments(environ: Mapping[str, str]) -> list[str]:
    """Arguments for a tritonserver to send its spans of our traces, and no others, where ours go.

    There are none where our traces do not go by OTLP over HTTP, since a tritonserver speaks nothing
    else.
    """
    exporters = [name.strip() for name in (environ.get("OTEL_TRACES_EXPORTER") or "otlp").split(",")]
    if not asked_for(environ) or "otlp" not in exporters or protocol(environ) != OTLP_HTTP:
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
