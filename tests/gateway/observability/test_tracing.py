import subprocess
import sys

import pytest

from gateway.observability import tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "mine"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
    ],
)
def test_the_standard_variables_ask_for_traces(environ, asked):
    assert tracing.asked_for(environ) is asked


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "http://localhost:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector/own"}, "http://collector/own"),
    ],
)
def test_triton_sends_where_the_gateway_does(environ, url):
    assert f"--trace-config=opentelemetry,url={url}" in tracing.triton_arguments(environ)


@pytest.mark.parametrize(
    "environ",
    [{}, {"OTEL_TRACES_EXPORTER": "console"}, {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}],
)
def test_triton_traces_nothing_where_it_cannot_send_it(environ):
    assert tracing.triton_arguments(environ) == []


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"OTEL_TRACES_EXPORTER": "pigeon"}, "OTEL_TRACES_EXPORTER: 'pigeon'"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke"}, "OTEL_EXPORTER_OTLP_PROTOCOL: 'smoke'"),
    ],
)
def test_what_cannot_be_used_is_named(environ, sentence):
    with pytest.raises(tracing.TracingError, match=sentence):
        tracing.check(environ)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_both_protocols_of_otlp_are_there(protocol):
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


def test_without_traces_nothing_that_makes_them_is_imported():
    program = (
        "import sys; from gateway.app import create_app; from gateway.settings.settings import Settings; "
        "create_app(Settings(auth=frozenset(), log_level='error')); "
        "makes_traces = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'gateway.observability.open_telemetry'); "
        "print([m for m in sys.modules if m.startswith(makes_traces)])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
