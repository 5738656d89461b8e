import pytest

from gateway.embedded.traces import triton_arguments


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "http://localhost:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector/own"}, "http://collector/own"),
    ],
)
def test_triton_sends_its_spans_where_the_gateway_does(environ, url):
    assert f"--trace-config=opentelemetry,url={url}" in triton_arguments(environ)


@pytest.mark.parametrize(
    "environ",
    [{}, {"OTEL_TRACES_EXPORTER": "console"}, {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}],
)
def test_triton_traces_nothing_where_it_cannot_send_spans(environ):
    assert triton_arguments(environ) == []
