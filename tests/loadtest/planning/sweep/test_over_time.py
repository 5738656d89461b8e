"""What a sweep shows second by second."""

import csv
import json
from io import StringIO

import pytest
from sweep_made import DURATION_S, QUICK, SLOW, TWO, WITHIN_50, WITHIN_100, point, swept

from loadtest.planning.sweep.findings.over_time import over_time_csv, run_over_time
from loadtest.planning.sweep.point import FIXED, point_of
from loadtest.planning.sweep.store import OLDER
from loadtest.report.sweep_page import render_sweep
from loadtest.slo import parse_slo


def test_the_run_at_the_highest_rate_within_the_slo_is_told_over_time() -> None:
    run = {"key": "k", "points": [point(20, 0.02), point(40, 0.07), point(80, 0.2)]}
    shown = run_over_time([run], WITHIN_100)
    assert shown is not None
    assert (shown["run"], shown["rate_rps"], shown["held"]) == ("runs/k.json", 40, True)
    assert len(shown["results"]["series"]) == DURATION_S
    assert (shown["results"]["slo"], shown["results"]["slo_misses"]) == ("p95<100ms,errors<1%", [])
    assert shown["parts"] == {"triton": {"mean_cores": pytest.approx(0.85), "most_cores": pytest.approx(0.95), "most_memory_bytes": 170}}
    missed = run_over_time([run], parse_slo("p95<1ms"))
    assert missed is not None
    assert (missed["rate_rps"], missed["held"]) == (20, False)
    assert missed["results"]["slo_misses"] == ["p95<1ms: 20.02 ms"]
    assert run_over_time([{"key": "k", "points": [point_of(20, FIXED, None, None)]}], WITHIN_50) is None


def test_the_page_draws_each_configuration_over_time() -> None:
    sweep, _ = swept({"instances=1": SLOW, "instances=2": QUICK}, **TWO)
    page = render_sweep(json.loads(json.dumps(sweep)))
    assert "Over time, at the highest rate within p95&lt;50ms,errors&lt;1% that each was put under" in page
    # two configurations, each a small chart in the table and a large one below
    for chart in ("CPU of the triton over time", "CPU by part over time", "Texts in a batch over time", "Latency over time"):
        assert page.count(f'aria-label="{chart}"') == 2
    assert page.count('aria-label="memory of tritonserver"') == 2
    assert "<b>B</b> instances=2 at 40 requests/s: load, CPU and memory of each process, batches" in page


def test_of_runs_at_one_rate_one_with_its_seconds_is_told() -> None:
    bare = point(20, 0.02)
    bare["results"] |= {"series": []}
    shown = run_over_time([{"key": "watched", "points": [point(20, 0.02)]}, {"key": "older", "points": [bare]}], WITHIN_50)
    assert shown is not None
    assert shown["run"] == "runs/watched.json"


def test_results_of_an_earlier_form_count_with_a_caution() -> None:
    bare = point(20, 0.02)
    bare["results"] |= {"series": []}
    del bare["results"]["observed"]
    sweep, _ = swept({"as packaged": [bare]}, schema=OLDER[0])
    assert sweep["complete"]
    assert sweep["cautions"][0].startswith("1 of 1 results are of an earlier version: they show nothing over time")
    assert sweep["configurations"][0]["over_time"]["parts"] == {}
    assert "Over time" not in render_sweep(sweep)


def test_what_was_seen_over_time_is_a_line_each_look() -> None:
    sweep, _ = swept({"instances=2": QUICK}, **TWO)
    files = {name: list(csv.DictReader(StringIO(text))) for name, text in over_time_csv(sweep).items()}
    assert files.keys() == {"series.csv", "processes.csv", "batches.csv"}
    assert [row["start_s"] for row in files["series.csv"]] == [f"{second}.0" for second in range(10)]
    assert files["series.csv"][0]["configuration"] == "instances=2"
    assert [(row["rate_rps"], row["name"], row["at_s"], row["cpu_cores"]) for row in files["processes.csv"]] == [
        ("40", "stub", "1.0", "0.5"),
        ("40", "stub", "2.0", "0.7"),
        ("40", "tritonserver", "1.0", "0.25"),
        ("40", "tritonserver", "2.0", "0.25"),
    ]
    assert [(row["triton"], row["mean_batch"]) for row in files["batches.csv"]] == [("http://t", "1.5")]
