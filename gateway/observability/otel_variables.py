"""What OpenTelemetry's `OTEL_*` variables say: whether traces are asked for, and how they travel.

Pure.
"""

from collections.abc import Mapping

OTLP_HTTP = "http/protobuf"
_ASKING = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class TracingError(ValueError):
    """An `OTEL_*` variable that cannot be used; the message names it."""


def asked_for(environ: Mapping[str, str]) -> bool:
    """Whether the variables ask for traces: an exporter or an endpoint is named, and neither `none`
    nor `OTEL_SDK_DISABLED` says no.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or environ.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
        return False
    return any(environ.get(name, "").strip() for name in _ASKING)


def protocol(environ: Mapping[str, str]) -> str:
    """The protocol of the OTLP exporter."""
    return environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or OTLP_HTTP
