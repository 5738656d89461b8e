"""What the backend counts, as Triton's metrics show it."""

import re
import threading
from collections.abc import Callable
from urllib.request import urlopen

import pytest
from headrace_backend.metrics import Counts, SubBatch, size_class

from model_repository import config

DEADLINE_S = 30
POLL_S = 0.05
"""Triton shows counts, and has no event for them."""


def test_sizes_are_counted_in_ranges_that_double():
    assert [size_class(rows) for rows in (1, 2, 3, 4, 5, 8, 9, 64)] == ["1", "2", "3-4", "3-4", "5-8", "5-8", "9-16", "33-64"]


def test_counts_are_what_was_added_since_they_were_last_taken():
    counts = Counts()
    counts.add_texts(3)
    counts.add(SubBatch(rows=3, tokens=20, longest=10, predicted_s=0.5, run_s=0.25))
    counts.add(SubBatch(rows=1, tokens=7, longest=7, predicted_s=0.5, run_s=1.0))
    assert counts.take() == {
        ("texts_total", ""): 3,
        ("sub_batches_total", "3-4"): 1,
        ("sub_batches_total", "1"): 1,
        ("rows_total", ""): 4,
        ("tokens_total", ""): 27,
        ("padding_tokens_total", ""): 10,
        ("predicted_seconds_total", ""): 1.0,
        ("run_seconds_total", ""): 1.25,
    }
    assert counts.take() == {}


def scraped(served, version: int) -> dict[str, float]:
    """The backend's metrics of a version; sub-batches also by their rows."""
    with urlopen(f"http://{served.triton.metrics_url}/metrics") as response:
        lines = response.read().decode().splitlines()
    found = {}
    for line in lines:
        if match := re.fullmatch(r"headrace_backend_(\w+)\{(.*)\} (\S+)", line):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2]))
            if (labels.pop("model"), labels.pop("version")) == (served.folder.name, str(version)):
                found[":".join([match[1], *labels.values()])] = float(match[3])
    return found


def eventually(served, version: int, holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """The metrics once `holds` is true of them: the backend hands them over every second."""
    ended = threading.Event()
    timer = threading.Timer(DEADLINE_S, ended.set)
    timer.start()
    try:
        while not holds(metrics := scraped(served, version)):
            assert not ended.wait(POLL_S), metrics
    finally:
        timer.cancel()
    return metrics


def totals(metrics: dict[str, float]) -> tuple[float, ...]:
    """Texts, rows, tokens and sub-batches."""
    sub_batches = sum(value for name, value in metrics.items() if name.startswith("sub_batches_total:"))
    return (*(metrics.get(name, 0) for name in ("texts_total", "rows_total", "tokens_total")), sub_batches)


@pytest.mark.integration
def test_sub_batches_of_all_instances_are_counted_in_tritons_metrics(served, classifier):
    served.package(1, classifier)
    path = served.folder / config.FILE
    settings = config.read(path)
    settings.instance_group[0].count = 2
    config.write(path, settings)
    served.load()
    # an empty text for each instance, which has two tokens; run_seconds_total is handed over last
    warm = eventually(served, 1, lambda metrics: totals(metrics) == (2, 2, 4, 2) and metrics["run_seconds_total"] > 0)
    assert warm["sub_batches_total:33-64"] == 0  # every series is there from the beginning
    assert warm["predicted_seconds_total"] > 0
    for texts in (["wheat rose"], ["oil"], ["ship " * 20]) * 5:
        served.ask(texts, version=1)
    expected = (2 + 15, 2 + 15, 4 + (4 + 3 + 22) * 5, 2 + 15)
    metrics = eventually(
        served, 1, lambda metrics: totals(metrics) == expected and metrics["run_seconds_total"] > warm["run_seconds_total"]
    )
    assert metrics["padding_tokens_total"] == 0
    assert metrics["predicted_seconds_total"] > warm["predicted_seconds_total"]
    served.ask(["oil", "ship " * 20, "port"] * 5, version=1)
    texts, tokens = expected[0] + 15, expected[2] + (3 + 22 + 3) * 5
    eventually(served, 1, lambda metrics: totals(metrics)[:3] == (texts, texts, tokens))


@pytest.mark.integration
def test_counts_go_on_through_a_reload_and_stay_when_a_version_is_unloaded(served, classifier, other_classifier):
    served.package(1, classifier)
    served.load()
    served.ask(["oil"] * 5, version=1)
    # the second load makes new instances of version 1: the counts of the old ones must neither be
    # lost nor end with them
    served.package(2, other_classifier)
    served.load()
    reloaded = eventually(served, 1, lambda metrics: metrics["texts_total"] >= 7)
    assert reloaded["texts_total"] == 1 + 5 + 1
    served.ask(["oil"] * 3, version=1)
    served.ask(["oil"] * 4, version=2)
    eventually(served, 1, lambda metrics: metrics["texts_total"] == 10)
    eventually(served, 2, lambda metrics: metrics["texts_total"] == 5)
    served.triton.unload(served.folder.name)
    served.load()
    again = eventually(served, 1, lambda metrics: metrics["texts_total"] >= 11)
    assert again["texts_total"] == 11
