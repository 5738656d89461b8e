"""The page about observability says what the code does."""

import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from gateway.observability import metrics
from gateway.settings import runtime as runtime_settings

PAGE = (Path(__file__).parents[3] / "gateway/docs/observability.md").read_text(encoding="utf-8")
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
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    settings = runtime_settings.parse(example)
    assert settings.of_model("topics").given() == {"max_pending": 64, "max_in_flight": 4}
    assert settings.limits.given().keys() == runtime_settings.RuntimeLimits.model_fields.keys()
