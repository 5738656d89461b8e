"""What a sweep shows second by second."""

import csv
from io import StringIO

import pytest
from sweep_made import DURATION_S, PACKAGED, QUICK, SLOW, TWO, WITHIN_50, WITHIN_100, measured, point, swept

from loadtest.planning.sweep.configuration import Configuration
from loadtest.planning.sweep.description import describe
from loadtest.planning.sweep.findings.over_time import PartUse, run_over_time
from loadtest.planning.sweep.findings.sweep_csv import over_time_csv
from loadtest.planning.sweep.knobs import Knobs
from loadtest.planning.sweep.point import FIXED, Point, point_of
from loadtest.planning.sweep.run import OLDER, Run
from loadtest.report.sweep_page import render_sweep
from loadtest.results.slo_check import SloCheck
from loadtest.slo import parse_slo


def run_of(key: str, *points: Point) -> Run:
    return Run(key, 0, describe(Configuration("one", Knobs()), "topics", PACKAGED), measured(points))


def test_the_run_at_the_highest_rate_within_the_slo_is_told_over_time() -> None:
    run = run_of("k", point(20, 0.02), point(40, 0.07), point(80, 0.2))
    shown = run_over_time([run], WITHIN_100)
    assert shown is not None
    assert (shown.run, shown.rate_rps, shown.held) == ("runs/k.json", 40, True)
    assert len(shown.results.series) == DURATION_S
    assert shown.results.slo_check == SloCheck(parse_slo("p95<100ms,errors<1%"), [])
    assert shown.parts == {"triton": PartUse(pytest.approx(0.85), pytest.approx(0.95), 170)}
    missed = run_over_time([run], parse_slo("p95<1ms"))
    assert missed is not None
    assert (missed.rate_rps, missed.held) == (20, False)
    assert missed.results.slo_check == SloCheck(parse_slo("p95<1ms"), ["p95<1ms: 20.02 ms"])
    assert run_over_time([run_of("k", point_of(20, FIXED, None, None))], WITHIN_50) is None


def test_the_page_draws_each_configuration_over_time() -> None:
    sweep = swept({"instances=1": SLOW, "instances=2": QUICK}, **TWO)
    page = render_sweep(sweep)
    assert "Over time, at the highest rate within p95&lt;50ms,errors&lt;1% that each was put under" in page
    # two configurations, each a small chart in the table and a large one below
    for chart in ("CPU of the triton over time", "CPU by part over time", "Texts in a batch over time", "Latency over time"):
        assert page.count(f'aria-label="{chart}"') == 2
    assert page.count('aria-label="memory of tritonserver"') == 2
    assert "<b>B</b> instances=2 at 40 requests/s: load, CPU and memory of each process, batches" in page


def test_of_runs_at_one_rate_one_with_its_seconds_is_told() -> None:
    values = point(20, 0.02).to_dict()
    values["results"] |= {"series": []}
    shown = run_over_time([run_of("watched", point(20, 0.02)), run_of("older", Point.from_dict(values))], WITHIN_50)
    assert shown is not None
    assert shown.run == "runs/watched.json"


def test_results_of_an_earlier_form_count_with_a_caution() -> None:
    values = point(20, 0.02).to_dict()
    values["results"] |= {"series": []}
    del values["results"]["observed"]
    sweep = swept({"as packaged": [Point.from_dict(values)]}, schema=OLDER[0])
    assert sweep.complete
    assert sweep.cautions[0].startswith("1 of 1 result is of an earlier version, with nothing over time.")
    assert sweep.entries[0].over_time is not None
    assert sweep.entries[0].over_time.parts == {}
    assert "Over time" not in render_sweep(sweep)


def test_what_was_seen_over_time_is_a_line_each_look() -> None:
    sweep = swept({"instances=2": QUICK}, **TWO)
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
