"""Reading OpenTelemetry's `OTEL_*` variables: whether traces are asked for, and by which protocol.

Pure.
"""

from collections.abc import Mapping

OTLP_HTTP = "http/protobuf"
_ASKING = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class TracingError(ValueError):
    """An `OTEL_*` variable that cannot be used; the message names it."""


def asked_for(environ: Mapping[str, str]) -> bool:
    """Whether the variables ask for traces.

    They do if they name an exporter or an endpoint, unless the exporter is `none` or
    `OTEL_SDK_DISABLED` is true.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or environ.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
        return False
    return any(environ.get(name, "").strip() for name in _ASKING)


def protocol(environ: Mapping[str, str]) -> str:
    """The protocol of the OTLP exporter."""
    return environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or OTLP_HTTP
