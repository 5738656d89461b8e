import subprocess
import sys

import pytest

from gateway.observability import tracing
from gateway.observability.otel_variables import TracingError

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"OTEL_TRACES_EXPORTER": "pigeon"}, "OTEL_TRACES_EXPORTER: 'pigeon'"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke"}, "OTEL_EXPORTER_OTLP_PROTOCOL: 'smoke'"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(environ, sentence):
    with pytest.raises(TracingError, match=sentence):
        tracing.check(environ)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_both_protocols_of_otlp_are_installed(protocol):
    tracing.check({"OTEL_TRACES_EXPORTER": "otlp,console", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (f"00-{TRACE}-b7ad6b7169203331-01", TRACE),
        (f"00-{TRACE}", ""),
        (f"00-{TRACE.upper()}-b7ad6b7169203331-01", ""),
        (f"00-{TRACE[:-1]}\n-b7ad6b7169203331-01", ""),
        (f"cc-{TRACE}-b7ad6b7169203331-01-what the next version may say", TRACE),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        ("", ""),
        ("-" * 60, ""),
    ],
)
def test_a_trace_id_is_taken_from_a_well_formed_header_only(header, trace_id):
    assert tracing.client_trace_id(header) == trace_id


def test_what_makes_traces_is_imported_only_if_traces_are_asked_for():
    program = (
        "import sys; from gateway.app import create_app; from gateway.settings.settings import Settings; "
        "create_app(Settings(auth=frozenset(), log_level='error')); "
        "makes_traces = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'gateway.observability.open_telemetry'); "
        "print([m for m in sys.modules if m.startswith(makes_traces)])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
