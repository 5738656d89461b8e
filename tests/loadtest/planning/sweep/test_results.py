"""What the runs of a sweep say together: capacities, the front, the choice, prices."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from sweep_made import CPU_S, MACHINE, PRICES, QUICK, SLOW, TWO, WITHIN_50, WITHIN_100, point, results, swept
from tritonclient.grpc import model_config_pb2 as pb

from loadtest.cost import usd_per_million
from loadtest.planning.sweep.document import Prices
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.findings.capacity import capacity
from loadtest.planning.sweep.findings.loads import by_rate
from loadtest.planning.sweep.findings.pareto import dominates, front
from loadtest.planning.sweep.findings.pricing import TextsCost, applied, read_offers
from loadtest.planning.sweep.findings.sweep_csv import to_csv
from loadtest.planning.sweep.findings.sweep_json import sweep_json
from loadtest.planning.sweep.point import FIXED, SEARCH, point_of, sustained
from loadtest.report.sweep_files import write_sweep
from loadtest.slo import parse_slo


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
    assert (load.rate_rps, load.runs, load.passed, load.fixed) == (20, 2, 1, True)
    assert load.requests == 400
    assert load.latency_ms["p50"] == pytest.approx(20, rel=0.002)
    assert load.latency_ms["p99"] == pytest.approx(60, rel=0.002)
    assert load.latency_ms["mean"] == pytest.approx(40, rel=0.002)
    assert load.latency_ms_range["p95"] == pytest.approx([20, 60], rel=0.002)
    assert load.batch_sizes == {1: 60, 12: 20}
    assert load.cpu_s_per_request == CPU_S
    assert load.misses == ["p95<50ms: 60.03 ms"]
    assert not searched.fixed


def test_a_run_in_which_nothing_ended_leaves_the_others_figures() -> None:
    (load,) = by_rate([point_of(20, FIXED, None, None), point(20, 0.02)], WITHIN_50)
    assert (load.runs, load.passed, load.requests) == (2, 1, 200)
    (alone,) = by_rate([point_of(20, FIXED, None, None)], WITHIN_50)
    assert (alone.latency_ms, alone.cpu_s_per_request, alone.sustained) == (None, None, False)


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
    assert aws.cost(100) == TextsCost("aws/c7i.large", pytest.approx(usd_per_million(0.08925, 100)), None)
    spot = gcp.cost(100).spot_usd_per_million
    assert spot is not None
    assert usd_per_million(0.037088, 100) < spot < usd_per_million(0.201608, 100)
    assert gcp.cost(None).on_demand_usd_per_million is None
    assert "is applied to rates that were measured on another machine with 2 cores" in applied([aws], 2)[0]
    assert read_offers(None) == []
    with pytest.raises(SweepError, match="prices: The price table has no 'moon/1'"):
        read_offers(Prices(instances=["moon/1"]))


def test_the_configuration_with_the_highest_rate_is_chosen_and_the_slower_is_dominated() -> None:
    sweep = swept({"instances=1": SLOW, "instances=2": QUICK}, **TWO)
    assert sweep.best == {"repeat=0": "instances=2"}
    assert [one.name in sweep.dominated for one in sweep.entries] == [True, False]
    assert sweep.complete
    assert sweep.verdict[0].startswith(
        "With repeat=0, instances=2 holds p95<50ms,errors<1% at the highest rate: at least 40 requests/s, 0.62 USD a million texts on "
        "aws/c7i.large on demand."
    )
    assert sweep.latency_metric == "p95"
    assert [(entry.configuration, entry.rate_rps, entry.front) for entry in sweep.points] == [
        ("instances=1", 20, False),
        ("instances=1", 40, False),
        ("instances=2", 20, True),
        ("instances=2", 40, True),
    ]


def test_the_choice_follows_the_slo_without_new_runs() -> None:
    runs: dict[str, Any] = {"instances=1": [point(20, 0.01), point(40, 0.07)], "instances=2": [point(20, 0.03), point(40, 0.045)]}
    assert swept(runs, slo="p95<20ms", **TWO).best == {"repeat=0": "instances=1"}
    assert swept(runs, slo="p95<50ms", **TWO).best == {"repeat=0": "instances=2"}
    nothing = swept(runs, slo="p95<1ms", **TWO)
    assert nothing.best == {}
    assert list(nothing.verdict) == ["With repeat=0 no configuration holds p95<1ms at any rate that was tried."]


def test_what_a_knob_does_is_told_of_configurations_that_differ_in_it_alone() -> None:
    grid = {"grid": {"instances": [1, 2], "workers": [1, 2]}}
    runs: dict[str, Any] = {f"instances={count} workers={w}": [point(20, 0.02 / count)] for count in (1, 2) for w in (1, 2)}
    sweep = swept(runs, **grid)
    assert [(effect.knob, effect.value_before, effect.value_after) for effect in sweep.effects] == [
        ("workers", 1, 2),
        ("instances", 1, 2),
        ("instances", 1, 2),
        ("workers", 1, 2),
    ]
    (latency,) = sweep.effects[1].latency
    assert (latency.rate_rps, latency.p50) == (20, pytest.approx(-0.5, abs=0.01))


def test_a_repeat_that_is_not_given_is_0_to_the_effects_too() -> None:
    found = [{"name": "plain"}, {"name": "two", "instances": 2, "repeat": 0}, {"name": "half", "repeat": 0.5}]
    sweep = swept({"plain": QUICK, "two": QUICK, "half": QUICK}, configurations=found)
    seen = [(effect.knob, effect.value_before, effect.value_after, effect.before) for effect in sweep.effects]
    assert seen == [("instances", None, 2, "plain"), ("repeat", 0, 0.5, "plain")]


def test_workloads_are_not_weighed_against_each_other() -> None:
    sweep = swept({"repeat=0": SLOW, "repeat=0.5": QUICK}, grid={"repeat": [0, 0.5]})
    assert sweep.best == {"repeat=0": "repeat=0", "repeat=0.5": "repeat=0.5"}
    assert not any(one.name in sweep.dominated for one in sweep.entries)


def test_failed_and_missing_configurations_are_said() -> None:
    sweep = swept({"instances=1": "The gateway did not start."}, **TWO)
    assert [one.state for one in sweep.entries] == ["failed", "pending"]
    assert sweep.entries[0].error == "The gateway did not start."
    assert list(sweep.verdict) == [
        "1 of 2 configurations could not be measured: instances=1.",
        "1 of 2 configurations not measured yet: instances=2.",
    ]
    assert not sweep.complete


def test_what_went_wrong_is_said_before_the_choice() -> None:
    sweep = swept({"instances=1": "It did not start.", "instances=2": QUICK}, interrupted=True, **TWO)
    assert list(sweep.verdict[:2]) == [
        "Ended by hand before all was measured; the same command goes on.",
        "1 of 2 configurations could not be measured: instances=1.",
    ]
    assert sweep.verdict[2].startswith("With repeat=0, instances=2 holds")
    assert sweep.interrupted


def test_a_machine_is_the_same_whatever_its_load() -> None:
    sweep = swept({"instances=1": SLOW, "instances=2": QUICK}, **TWO)
    assert list(sweep.machines) == [MACHINE]
    assert not any("different machines" in caution for caution in sweep.cautions)


def test_a_capacity_below_all_rates_is_said_to_be_extrapolated() -> None:
    sweep = swept({"as packaged": [point(20, 0.02), point(20, 0.2), point(20, 0.2)]})
    assert sweep.entries[0].capacity.rps < 20
    assert "as packaged: 20 requests/s is the lowest rate that was tried; what it holds below is extrapolated." in sweep.cautions


def test_a_sweep_without_prices_chooses_by_the_rate() -> None:
    sweep = swept({"instances=1": SLOW, "instances=2": QUICK}, priced=False, **TWO)
    assert sweep.best == {"repeat=0": "instances=2"}
    assert sweep.points[0].usd_per_million is None
    assert "USD" not in sweep.verdict[0]


def test_the_folder_holds_json_csv_and_the_best_config(tmp_path: Path) -> None:
    sweep = swept({"instances=1": SLOW, "instances=2": QUICK}, **TWO)
    write_sweep(tmp_path, sweep)
    assert json.loads((tmp_path / "sweep.json").read_text()) == json.loads(json.dumps(sweep_json(sweep)))
    config = (tmp_path / "best/config.pbtxt").read_text()
    assert text_format.Parse(config, pb.ModelConfig()).instance_group[0].count == 2
    assert config.startswith(
        "# instances=2: 40 requests/s within p95<50ms,errors<1% with repeat=0\n# version 2 (fp32); measured with: python"
    )
    first, second = csv.DictReader(StringIO((tmp_path / "sweep.csv").read_text()))
    assert (first["name"], first["best"], second["best"], second["capacity_rps"]) == ("instances=1", "False", "True", "40")
    assert float(second["p99_ms@40rps"]) == pytest.approx(30, rel=0.002)


def test_the_json_has_the_fields_of_its_schema() -> None:
    sweep = sweep_json(swept({"instances=1": SLOW, "instances=2": QUICK}, **TWO))
    entry = sweep["configurations"][0]
    fields = {
        "schema command model slo measured_for_slo sweep complete interrupted verdict slo_verdict cautions best profiles configurations "
        "latency_metric points effects prices machines versions started_at measured_s": sweep,
        "name knobs workload packaged config_pbtxt settings state error runs capacity texts_per_s search loads hit_rate memory_bytes "
        "over_time cost dominated": entry,
        "version precision target digest sizes quality speed": entry["packaged"],
        "rps low_rps high_rps trials safe_low_rps": entry["capacity"],
        "rate_rps fixed runs counted passed holds misses sustained generator_behind disturbed requests failures "
        "dropped throughput_rps texts_per_s latency_ms latency_ms_range cache_hit_rate mean_batch_texts "
        "mean_call_texts mean_queue_ms batch_sizes cpu_s_per_request generator_cpu_share": entry["loads"][0],
        "run rate_rps held parts results": entry["over_time"],
        "instance on_demand_usd_per_million spot_usd_per_million": entry["cost"][0],
        "configuration workload rate_rps latency_ms requests usd_per_million front": sweep["points"][0],
        "knob from to before after capacity certain cost latency": sweep["effects"][0],
    }
    for names, values in fields.items():
        assert list(values) == names.split()


def test_each_workload_has_a_best_config_of_its_own(tmp_path: Path) -> None:
    sweep = swept({"repeat=0": QUICK, "repeat=0.5": QUICK}, grid={"repeat": [0, 0.5]})
    write_sweep(tmp_path, sweep)
    assert sorted(str(path.relative_to(tmp_path / "best")) for path in (tmp_path / "best").rglob("*.pbtxt")) == [
        "config.pbtxt",
        "repeat=0.5/config.pbtxt",
    ]


def test_prices_are_not_applied_to_nothing() -> None:
    sweep = swept({}, interrupted=True, **TWO)
    assert list(sweep.cautions) == []


def test_a_csv_of_nothing_measured_has_a_line_for_each_configuration() -> None:
    sweep = swept({}, **TWO)
    assert len(to_csv(sweep).splitlines()) == 3
