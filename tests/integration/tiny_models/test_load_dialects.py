"""The load generator in each dialect against a real gateway and Triton.

Its counts must equal the gateway's.
"""

import json

import pytest
from gateway_process import wait_until

from loadtest.__main__ import main
from loadtest.verbs.exit_status import DONE
from loadtest.workload.capture import capture
from loadtest.workload.dialects import BY_NAME

pytestmark = pytest.mark.integration
DIALECTS = {
    "kserve-v1": "weather",
    "open-inference": "weather",
    "tei-predict": "weather",
    "openai": "raw-embeddings",
    "tei-embed": "raw-embeddings",
    "tei-rerank": "ranker",
}
"""By dialect: a model of a task that the dialect can ask for."""
BATCH_SIZE = 3


def test_every_dialect_is_covered():
    assert set(DIALECTS) == set(BY_NAME)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_all_requests_are_answered_and_counted_as_the_gateway_counts_them(tasks_gateway, tasks_repository, tmp_path, dialect):
    corpus, model = tmp_path / "texts.txt", DIALECTS[dialect]
    corpus.write_text("\n".join(tasks_repository.texts) + "\n")
    hits_before, log_before = counted(tasks_gateway, model, "hit"), len(tasks_gateway.log.read_text().splitlines())
    shape = ["--dialect", dialect, "--rate", "60", "--duration", "1", "--batch-size", str(BATCH_SIZE), "--repeat", "0.5"]
    needed = ["--url", tasks_gateway.url, "--model", model, "--corpus", str(corpus), "--report", str(tmp_path)]
    assert main(["run", *needed, *shape]) == DONE
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["problem"], report["errors"], report["dropped"]) == ("", [], 0)
    requests, texts = report["requests"], round(report["texts_per_s"] * report["elapsed_s"])
    assert requests > 30
    assert texts == BATCH_SIZE * requests
    assert report["variants"] == {"1": requests}
    # exactly the repeats came from the cache, both by X-Cache and by the gateway's own count
    assert set(report["cache"]) == {"hit", "partial", "miss"}
    hits = round(report["cache_hit_rate"] * texts)
    assert report["cache_hit_rate"] == report["sent_repeats"]
    assert counted(tasks_gateway, model, "hit") - hits_before == hits
    # the line of a request is written after its response was sent
    wait_until(lambda: len(logged(tasks_gateway, log_before, model)) >= requests)
    rows = logged(tasks_gateway, log_before, model)
    assert (sum(row.texts for row in rows), sum(row.hits for row in rows)) == (texts, hits)


def counted(gateway, model, result):
    return gateway.metric("headrace_items_total", model=model, result=result)


def logged(gateway, first, model):
    """The requests in the log from line `first` on, except those that warmed the cache."""
    return [row for row in capture(gateway.log.read_text().splitlines()[first:], model) if row.texts == BATCH_SIZE]
