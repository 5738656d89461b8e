"""The page about observability says what the code does."""

import re
import shlex

import pytest
from pages import ROOT, blocks
from prometheus_client.metrics import MetricWrapperBase

from gateway.embedded.traces import triton_arguments
from gateway.observability import metrics
from gateway.observability.otel_variables import asked_for
from gateway.settings import runtime as runtime_settings

PAGE = (ROOT / "gateway/docs/observability.md").read_text(encoding="utf-8")
[EXAMPLE] = blocks("gateway/docs/observability.md", "yaml")
[TRACED] = blocks("gateway/docs/observability.md", "sh")
[TRITON_ARGUMENTS] = blocks("gateway/docs/observability.md", "")
ROWS = re.findall(r"^\| `(headrace_\w+)` \| (.*?) \| (.*?) ?\| (.*?) \|$", PAGE, re.MULTILINE)
METRICS = {id(value): value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)}.values()


def described(metric):
    """A metric as its row: name, type with how workers are merged, labels, meaning."""
    name = metric._name + ("_total" if metric._type == "counter" else "")
    mode = f", {metric._multiprocess_mode.removeprefix('live')}" if metric._type == "gauge" else ""
    return name, metric._type + mode, ", ".join(metric._labelnames), metric._documentation


def test_every_metric_has_its_row():
    assert sorted(ROWS) == sorted(described(metric) for metric in METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric._name)
def test_metrics_follow_the_conventions(metric):
    assert metric._name.startswith("headrace_")
    assert not {"unit_id", "user", "request_id", "path", "tenant"} & set(metric._labelnames)
    if metric._type == "gauge":
        assert metric._multiprocess_mode.startswith("live")


def test_the_runtime_file_on_the_page_is_valid():
    settings = runtime_settings.parse(EXAMPLE)
    assert settings.of_model("topics").given() == {"max_pending": 64, "max_in_flight": 4}
    assert settings.limits.given().keys() == runtime_settings.RuntimeLimits.model_fields.keys()


def test_the_variable_on_the_page_asks_for_traces_and_triton_gets_the_arguments_that_the_gateway_gives():
    environment = dict(word.split("=", 1) for line in TRACED.splitlines() for word in shlex.split(line, comments=True) if "=" in word)
    assert asked_for(environment)
    given = triton_arguments(environment)
    assert set(TRITON_ARGUMENTS.split()) <= set(given)
    # the rest only names the service
    assert [argument for argument in given if argument not in TRITON_ARGUMENTS] == [
        "--trace-config=opentelemetry,resource=service.name=headrace-triton"
    ]
