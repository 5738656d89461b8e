import json
from pathlib import Path
from typing import Any

import pytest

from loadtest.__main__ import main
from loadtest.arrivals.process import Trace
from loadtest.arrivals.recorded import TraceRow, read_trace
from loadtest.workload.capture import CaptureError, capture
from loadtest.workload.draws import draws
from loadtest.workload.workload import Target, Workload


def line(second: float, ms: float, **more: Any) -> str:
    fields = {
        "event": "request",
        "timestamp": f"2026-01-01T00:00:{second:09.6f}Z",
        "ms": ms,
        "status": 200,
        "model": "topics",
        "version": 1,
    }
    return json.dumps(fields | {"instances": 1, "cache": "miss"} | more)


LOG = [
    "a line that is not JSON",
    json.dumps({"event": "started", "timestamp": "2026-01-01T00:00:00Z"}),
    line(3.0, 2000.0, instances=4, cache="partial"),
    line(2.0, 500.0, cache="hit", experiment="e", variant="b"),
    line(5.0, 10.0, status=422),
    line(6.0, 0.0, model="other", version=3),
    json.dumps({"event": "request", "timestamp": "2026-01-01T00:00:07Z", "ms": 1, "status": 200, "path": "/metrics"}),
]


def test_a_log_becomes_a_trace_in_the_order_of_the_beginnings() -> None:
    assert capture(LOG) == [
        TraceRow(0.0, 4, 2, "topics", 1),
        TraceRow(0.5, 1, 1, "topics"),
        TraceRow(5.0, 1, 0, "other", 3),
    ]
    assert [row.model for row in capture(LOG, "other")] == ["other"]
    with pytest.raises(CaptureError, match="no line of the log is of a prediction"):
        capture(LOG[:2])


@pytest.mark.parametrize(
    ("fields", "hits"), [({}, 2), ({"items": 5, "hits": 1}, 1), ({"items": 10, "hits": 8}, 4), ({"items": 5, "hits": 4}, 4)]
)
def test_a_partial_answer_has_the_hits_of_its_line_or_half(fields: dict[str, int], hits: int) -> None:
    assert capture([line(1.0, 1.0, instances=5, cache="partial", **fields)]) == [TraceRow(0.0, 5, hits, "topics", 1)]


def test_a_captured_trace_is_replayed_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, trace = tmp_path / "gateway.jsonl", tmp_path / "trace.jsonl"
    log.write_text("\n".join(LOG) + "\n")
    assert main(["capture", str(log), "-o", str(trace)]) == 0
    assert "3 requests over 5.0 s" in capsys.readouterr().out
    assert list(Trace(trace, speed=10).starts(1, 60.0)) == [0, 0.05, 0.5]
    workload = Workload(corpus=Path("c"), targets=(Target("other"), Target("topics")), trace=trace)
    sent = list(draws(workload, ("one", "two"), 1))
    assert [(len(draw.items), draw.repeats, draw.target) for draw in sent] == [(4, 2, 1), (1, 1, 1), (1, 0, 0)]
    assert list(read_trace(trace)) == capture(LOG)


def test_a_log_without_predictions_gives_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "gateway.jsonl"
    log.write_text("")
    assert main(["capture", str(log), "-o", str(tmp_path / "t")]) == 1
    assert "no line of the log is of a prediction" in capsys.readouterr().err
    assert main(["capture", str(tmp_path / "absent"), "-o", str(tmp_path / "t")]) == 1
    assert "No such file" in capsys.readouterr().err
