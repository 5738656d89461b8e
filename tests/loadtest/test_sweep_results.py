import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2 as pb

from loadtest.arrivals.process import Poisson
from loadtest.cost import usd_per_million
from loadtest.loop import OpenLoop
from loadtest.profiling.triton_statistics import Batches, Statistics
from loadtest.report.sweep_page import render_sweep
from loadtest.results.measurement import GeneratorUse, Measurement
from loadtest.results.observed import Observed, ProcessPoint, ProcessUse, TritonPoint, TritonUse
from loadtest.results.outcome import Outcome
from loadtest.results.recording import Recording
from loadtest.results.results import Results
from loadtest.results.summary import Circumstances, summarize
from loadtest.scenario import Scenario
from loadtest.slo import parse_slo
from loadtest.sweep.configuration import configurations
from loadtest.sweep.document import Prices, parse_document
from loadtest.sweep.errors import SweepError
from loadtest.sweep.findings.loads import by_rate, capacity
from loadtest.sweep.findings.over_time import over_time_csv, run_over_time
from loadtest.sweep.findings.pareto import dominates, front
from loadtest.sweep.findings.pricing import applied, read_offers
from loadtest.sweep.findings.summary import summarize_sweep
from loadtest.sweep.findings.table import to_csv
from loadtest.sweep.jobs import jobs
from loadtest.sweep.point import FIXED, SEARCH, Seen, point_of, sustained
from loadtest.sweep.stack.packaged import PackagedModel
from loadtest.sweep.store import OLDER, RUN_SCHEMA
from loadtest.sweep.writing import write_sweep
from loadtest.workload.workload import Target, Workload

DURATION_S = 10.0
MACHINE: dict[str, Any] = {"cpu": "c", "cores": 2, "memory_gib": 4.0, "system": "s", "python": "3"}
TRITON = TritonUse("http://t", [], [TritonPoint(1.0, 9.0, 6.0, 1.5, 0)], [])
STUB = ProcessUse("stub", "triton", 1, [ProcessPoint(1.0, 0.5, 100), ProcessPoint(2.0, 0.7, 120)])
SERVER = ProcessUse("tritonserver", "triton", 2, [ProcessPoint(1.0, 0.25, 50), ProcessPoint(2.0, 0.25, 50)])
CPU_S = {"gateway": 0.001, "triton": 0.01, "cache": 0.0}
SEEN = Seen(
    Statistics(calls=42, texts=42, executions=32, queue_s=0.084, batches={1: Batches(30, 0.3), 12: Batches(10, 0.6)}),
    CPU_S,
    Observed([STUB, SERVER], [TRITON]),
)
WITHIN_50, WITHIN_100 = parse_slo("p95<50ms,errors<1%"), parse_slo("p95<100ms,errors<1%")
PRICES = Prices(instances=["aws/c7i.large", "gcp/c3-standard-4"])
PACKAGED = PackagedModel(
    Path("models/topics"),
    'name: "topics" max_batch_size: 64 dynamic_batching {} parameters { key: "manifest.2" value { string_value: "{}" } }',
    {2: {"version": 2, "precision": "fp32", "digest": "d", "sizes": {"fp32_bytes": 4, "packaged_bytes": 4}}},
)


def results(rate_rps: float, latency_s: float, *, failed: int = 0, answered: float = 1.0, behind: int = 0) -> Results:
    """A run of 10 s: `answered` of what was offered, each in `latency_s`, and `failed` failures."""
    recording = Recording()
    offered = round(rate_rps * DURATION_S)
    for number in range(offered):
        start_s = number / rate_rps
        recording.offer(start_s)
        recording.start(start_s, start_s, behind=number < behind)
        if number < offered * answered - failed:
            recording.end(start_s, start_s, start_s + latency_s, 1, 0, Outcome(200, "topics", "2", "", "miss"))
        elif number < offered * answered:
            recording.end(start_s, start_s, start_s + latency_s, 1, 0, Outcome(503, "topics", fault="gone"))
    workload = Workload(corpus=Path("c"), targets=(Target("topics"),), repeat=0)
    scenario = Scenario(url="http://127.0.0.1:1", loop=OpenLoop(Poisson(rate_rps)), workload=workload, duration_s=DURATION_S)
    measured = Measurement(recording, DURATION_S, (GeneratorUse(0, 0.1, 0.0, offered),))
    return summarize(scenario, measured, Circumstances("python -m loadtest sweep", "now", MACHINE))


def point(rate_rps: float, latency_s: float, kind: str = FIXED, **run: Any) -> dict[str, Any]:
    """What a run leaves, by way of JSON."""
    values: dict[str, Any] = json.loads(json.dumps(point_of(rate_rps, kind, results(rate_rps, latency_s, **run), SEEN)))
    return values


def test_capacity_lies_between_what_held_and_what_did_not() -> None:
    points = [point(20, 0.02), point(20, 0.02), point(40, 0.03), point(40, 0.03), point(80, 0.2), point(80, 0.2)]
    held = capacity(points, WITHIN_50)
    assert held is not None
    assert held.high_rps is not None
    assert 40 < held.rps < 80
    assert held.low_rps < held.rps < held.high_rps
    assert held.trials == 6


def test_another_slo_is_answered_from_the_same_runs() -> None:
    points = [point(20, 0.02), point(40, 0.07), point(80, 0.2)]
    strict, loose = capacity(points, WITHIN_50), capacity(points, WITHIN_100)
    assert strict is not None
    assert loose is not None
    assert strict.rps < loose.rps
    assert capacity(points, parse_slo("p95<10ms")) is None


def test_where_nothing_failed_the_capacity_is_the_highest_rate_or_more() -> None:
    held = capacity([point(20, 0.02), point(40, 0.02)], WITHIN_50)
    assert held is not None
    assert (held.rps, held.low_rps, held.high_rps) == (40, 40, None)


def test_runs_in_which_the_generator_was_behind_do_not_count() -> None:
    held = capacity([point(20, 0.02), point(40, 0.5, behind=200)], WITHIN_50)
    assert held is not None
    assert (held.rps, held.high_rps, held.trials) == (20, None, 1)


def test_a_run_in_which_nothing_ended_holds_nothing() -> None:
    assert capacity([point_of(20, FIXED, None, None)], WITHIN_50) is None


def test_a_load_is_sustained_where_what_is_offered_is_answered() -> None:
    assert sustained(results(50, 0.02))
    assert not sustained(results(50, 0.02, answered=0.9))
    assert not sustained(results(50, 0.02, failed=20))


def test_runs_at_one_rate_are_taken_together() -> None:
    (load, searched) = by_rate([point(20, 0.02), point(40, 0.03, SEARCH), point(20, 0.06)], WITHIN_50)
    assert (load["rate_rps"], load["runs"], load["passed"], load["fixed"]) == (20, 2, 1, True)
    assert load["requests"] == 400
    assert load["latency_ms"]["p50"] == pytest.approx(20, rel=0.002)
    assert load["latency_ms"]["p99"] == pytest.approx(60, rel=0.002)
    assert load["latency_ms"]["mean"] == pytest.approx(40, rel=0.002)
    assert load["latency_ms_range"]["p95"] == pytest.approx([20, 60], rel=0.002)
    assert load["batch_sizes"] == {"1": 60, "12": 20}
    assert load["cpu_s_per_request"] == CPU_S
    assert load["misses"] == ["p95<50ms: 60.03 ms"]
    assert not searched["fixed"]


def test_a_run_in_which_nothing_ended_leaves_the_others_figures() -> None:
    (load,) = by_rate([point_of(20, FIXED, None, None), point(20, 0.02)], WITHIN_50)
    assert (load["runs"], load["passed"], load["requests"]) == (2, 1, 200)
    (alone,) = by_rate([point_of(20, FIXED, None, None)], WITHIN_50)
    assert (alone["latency_ms"], alone["cpu_s_per_request"], alone["sustained"]) == (None, None, False)


def test_the_front_is_what_nothing_beats() -> None:
    assert front([(1, 5), (2, 3), (3, 3), (4, 1), (5, 5)]) == [True, True, False, True, False]
    assert front([(1, 1), (1, 1)]) == [True, True]
    assert front([]) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_whatever_is_off_the_front_is_beaten_by_something_on_it(points: list[tuple[float, float]]) -> None:
    kept = front(points)
    on_it = [one for one, is_kept in zip(points, kept, strict=True) if is_kept]
    assert on_it
    for one, is_kept in zip(points, kept, strict=True):
        assert is_kept != any(dominates(other, one) for other in on_it)


def test_rates_are_priced_on_demand_and_on_spot() -> None:
    aws, gcp = read_offers(PRICES)
    assert aws.cost(100) == {
        "instance": "aws/c7i.large",
        "on_demand_usd_per_million": pytest.approx(usd_per_million(0.08925, 100)),
        "spot_usd_per_million": None,
    }
    spot = gcp.cost(100)["spot_usd_per_million"]
    assert usd_per_million(0.037088, 100) < spot < usd_per_million(0.201608, 100)
    assert gcp.cost(None)["on_demand_usd_per_million"] is None
    assert "is applied to rates that were measured on another machine with 2 cores" in applied([aws], 2)[0]
    assert read_offers(None) == []
    with pytest.raises(SweepError, match="prices: The price table has no 'moon/1'"):
        read_offers(Prices(instances=["moon/1"]))


def swept(
    runs: dict[str, list[dict[str, Any]] | str],
    slo: str = "p95<50ms,errors<1%",
    priced: bool = True,
    interrupted: bool = False,
    schema: str = RUN_SCHEMA,
    **fields: Any,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """sweep.json of configurations by name, with the points of each, or the words with which it failed; and the configurations."""
    values = {"model": "topics", "repository": "r", "corpus": "c", "slo": "p95<50ms", "loads": {"rates_rps": [20, 40]}} | fields
    document = parse_document(values, "s.yaml")
    found = configurations(document)
    todo = jobs(document, found, PACKAGED, "c")
    there: dict[str, dict[str, Any]] = {}
    for job in todo:
        run = runs.get(job.configuration.name)
        if run is None:
            continue
        done = {"points": run, "error": None} if isinstance(run, list) else {"points": [], "error": run}
        machine = MACHINE | {"load_average_1m": len(there)}
        facts = {"started_at": "now", "elapsed_s": 9.0, "machine": machine, "versions": {"triton": "2"}, "search": None}
        memory = {"memory_bytes": {"gateway": 1, "triton": 2, "cache": 3}}
        there[job.key] = {"schema": schema, "key": job.key, **facts, **memory, **done}
    offers = read_offers(PRICES if priced else None)
    command = "python -m loadtest sweep"
    sweep = summarize_sweep(document, todo, there, PACKAGED, offers, parse_slo(slo), command, interrupted=interrupted)
    return sweep, {one.name: one for one in found}


TWO: dict[str, Any] = {"grid": {"instances": [1, 2]}}
QUICK, SLOW = [point(20, 0.02), point(40, 0.03)], [point(20, 0.03), point(40, 0.2)]


def test_the_configuration_with_the_highest_rate_is_chosen_and_the_slower_is_dominated() -> None:
    sweep, _ = swept({"instances=1": SLOW, "instances=2": QUICK}, **TWO)
    assert sweep["best"] == {"repeat=0": "instances=2"}
    assert [one["dominated"] for one in sweep["configurations"]] == [True, False]
    assert sweep["complete"]
    assert sweep["verdict"][0].startswith(
        "With repeat=0, instances=2 holds p95<50ms,errors<1% at the highest rate: at least 40 requests/s, 0.62 USD a million texts on "
        "aws/c7i.large on demand."
    )
    assert sweep["latency_metric"] == "p95"
    assert [(entry["configuration"], entry["rate_rps"], entry["front"]) for entry in sweep["points"]] == [
        ("instances=1", 20, False),
        ("instances=1", 40, False),
        ("instances=2", 20, True),
        ("instances=2", 40, True),
    ]


def test_the_choice_follows_the_slo_without_new_runs() -> None:
    runs: dict[str, Any] = {"instances=1": [point(20, 0.01), point(40, 0.07)], "instances=2": [point(20, 0.03), point(40, 0.045)]}
    assert swept(runs, slo="p95<20ms", **TWO)[0]["best"] == {"repeat=0": "instances=1"}
    assert swept(runs, slo="p95<50ms", **TWO)[0]["best"] == {"repeat=0": "instances=2"}
    nothing, _ = swept(runs, slo="p95<1ms", **TWO)
    assert nothing["best"] == {}
    assert nothing["verdict"] == ["With repeat=0 no configuration holds p95<1ms at any rate that was tried."]


def test_what_a_knob_does_is_told_of_configurations_that_differ_in_it_alone() -> None:
    grid = {"grid": {"instances": [1, 2], "workers": [1, 2]}}
    runs: dict[str, Any] = {f"instances={count} workers={w}": [point(20, 0.02 / count)] for count in (1, 2) for w in (1, 2)}
    sweep, _ = swept(runs, **grid)
    assert [(effect["knob"], effect["from"], effect["to"]) for effect in sweep["effects"]] == [
        ("workers", 1, 2),
        ("instances", 1, 2),
        ("instances", 1, 2),
        ("workers", 1, 2),
    ]
    (latency,) = sweep["effects"][1]["latency"]
    assert (latency["rate_rps"], latency["p50"]) == (20, pytest.approx(-0.5, abs=0.01))


def test_a_repeat_that_is_not_given_is_0_to_the_effects_too() -> None:
    found = [{"name": "plain"}, {"name": "two", "instances": 2, "repeat": 0}, {"name": "half", "repeat": 0.5}]
    sweep, _ = swept({"plain": QUICK, "two": QUICK, "half": QUICK}, configurations=found)
    seen = [(effect["knob"], effect["from"], effect["to"], effect["before"]) for effect in sweep["effects"]]
    assert seen == [("instances", None, 2, "plain"), ("repeat", 0, 0.5, "plain")]


def test_workloads_are_not_weighed_against_each_other() -> None:
    sweep, _ = swept({"repeat=0": SLOW, "repeat=0.5": QUICK}, grid={"repeat": [0, 0.5]})
    assert sweep["best"] == {"repeat=0": "repeat=0", "repeat=0.5": "repeat=0.5"}
    assert not any(one["dominated"] for one in sweep["configurations"])


def test_failed_and_missing_configurations_are_said() -> None:
    sweep, _ = swept({"instances=1": "The gateway did not start."}, **TWO)
    assert [one["state"] for one in sweep["configurations"]] == ["failed", "pending"]
    assert sweep["configurations"][0]["error"] == "The gateway did not start."
    assert sweep["verdict"] == [
        "1 of 2 configurations could not be measured: instances=1.",
        "1 of 2 configurations not measured yet: instances=2.",
    ]
    assert not sweep["complete"]


def test_what_went_wrong_is_said_before_the_choice() -> None:
    sweep, _ = swept({"instances=1": "It did not start.", "instances=2": QUICK}, interrupted=True, **TWO)
    assert sweep["verdict"][:2] == [
        "Ended by hand before all was measured; the same command goes on.",
        "1 of 2 configurations could not be measured: instances=1.",
    ]
    assert sweep["verdict"][2].startswith("With repeat=0, instances=2 holds")
    assert sweep["interrupted"]


def test_a_machine_is_the_same_whatever_its_load() -> None:
    sweep, _ = swept({"instances=1": SLOW, "instances=2": QUICK}, **TWO)
    assert sweep["machines"] == [MACHINE]
    assert not any("different machines" in caution for caution in sweep["cautions"])


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


def test_a_capacity_below_all_rates_is_said_to_be_extrapolated() -> None:
    sweep, _ = swept({"as packaged": [point(20, 0.02), point(20, 0.2), point(20, 0.2)]})
    assert sweep["configurations"][0]["capacity"]["rps"] < 20
    assert "as packaged: 20 requests/s is the lowest rate that was tried; what it holds below is extrapolated." in sweep["cautions"]


def test_a_sweep_without_prices_chooses_by_the_rate() -> None:
    sweep, _ = swept({"instances=1": SLOW, "instances=2": QUICK}, priced=False, **TWO)
    assert sweep["best"] == {"repeat=0": "instances=2"}
    assert sweep["points"][0]["usd_per_million"] is None
    assert "USD" not in sweep["verdict"][0]


def test_the_folder_holds_json_csv_and_the_best_config(tmp_path: Path) -> None:
    sweep, found = swept({"instances=1": SLOW, "instances=2": QUICK}, **TWO)
    write_sweep(tmp_path, sweep, found, PACKAGED)
    assert json.loads((tmp_path / "sweep.json").read_text()) == json.loads(json.dumps(sweep))
    config = (tmp_path / "best/config.pbtxt").read_text()
    assert text_format.Parse(config, pb.ModelConfig()).instance_group[0].count == 2
    assert config.startswith(
        "# instances=2: 40 requests/s within p95<50ms,errors<1% with repeat=0\n# version 2 (fp32); measured with: python"
    )
    first, second = csv.DictReader(StringIO((tmp_path / "sweep.csv").read_text()))
    assert (first["name"], first["best"], second["best"], second["capacity_rps"]) == ("instances=1", "False", "True", "40")
    assert float(second["p99_ms@40rps"]) == pytest.approx(30, rel=0.002)


def test_each_workload_has_a_best_config_of_its_own(tmp_path: Path) -> None:
    sweep, found = swept({"repeat=0": QUICK, "repeat=0.5": QUICK}, grid={"repeat": [0, 0.5]})
    write_sweep(tmp_path, sweep, found, PACKAGED)
    assert sorted(str(path.relative_to(tmp_path / "best")) for path in (tmp_path / "best").rglob("*.pbtxt")) == [
        "config.pbtxt",
        "repeat=0.5/config.pbtxt",
    ]


def test_a_csv_of_nothing_measured_has_a_line_for_each_configuration() -> None:
    sweep, _ = swept({}, **TWO)
    assert len(to_csv(sweep).splitlines()) == 3
