"""The capacity profiles that a sweep leaves.

Which are measured, what the loads add to them, and that `plan` finds them.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sweep_made import PACKAGED, QUICK, SLOW, TWO, point, results, swept

from loadtest.observation.triton_statistics import Configuration as TritonConfiguration
from loadtest.planning.capacity.profile import ProfileError, checked_profile, read_profile
from loadtest.planning.profiling.assembly import Subject
from loadtest.planning.profiling.attempt import Attempt, profile_of
from loadtest.planning.profiling.gateway_metrics import GatewayUse
from loadtest.planning.profiling.phases import Phase
from loadtest.planning.search.capacity_part import capacity_part
from loadtest.planning.search.search import Found
from loadtest.planning.search.trial import judge
from loadtest.planning.sweep.configuration import Configuration
from loadtest.planning.sweep.document import parse_document
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.findings.profiles import ChosenProfile, missing
from loadtest.planning.sweep.jobs import profile_key
from loadtest.planning.sweep.knobs import Knobs
from loadtest.planning.sweep.profile_result import ProfileResult, profile_store
from loadtest.planning.sweep.profiling import Wanted, run_profiles
from loadtest.report.sweep_files import write_sweep
from loadtest.report.sweep_page import render_sweep
from loadtest.results.contention import Contention
from loadtest.results.measurement import Generators, GeneratorUse
from loadtest.results.results import Results
from loadtest.slo import parse_slo
from loadtest.target.readiness import TargetError

PROFILE: dict[str, Any] = {
    "schema": "headrace-capacity-profile/1",
    "measured": {"on": "2026-11-21", "instance": "this-machine", "cores": 2, "command": "c"},
    "model": "topics",
    "triton": {"instances": 2, "service_s": {"mean": 0.002, "scv": 0.4}},
    "gateway": {"cpu_s_per_hit": 0.0002, "cpu_s_per_miss": 0.001, "hit_latency_s": {"mean": 0.001, "scv": 0.5}},
    "cache": {"bytes_per_item": 300},
}
WANTED = [Wanted(Configuration(name, Knobs()), f"key-{name}", 1.0) for name in ("one", "two")]
DOCUMENT: dict[str, Any] = {"model": "topics", "repository": "r", "corpus": "c", "slo": "p95<1s", "loads": {"rates_rps": [10]}}


class Measurer:
    """Measures nothing; fails where it is asked to, and remembers."""

    def __init__(self, **outcomes: BaseException) -> None:
        self.measured: list[str] = []
        self._outcomes = outcomes

    def __call__(self, wanted: Wanted) -> ProfileResult:
        name = wanted.configuration.name
        self.measured.append(name)
        if name in self._outcomes:
            raise self._outcomes[name]
        return ProfileResult(wanted.key, name, PROFILE, elapsed_s=1.0)

    def run(self, folder: Path) -> list[str]:
        """The profiles that were begun."""
        begun: list[str] = []
        run_profiles(WANTED, profile_store(folder), self, on_profile=begun.append)
        return begun


def test_profiles_are_measured_once_and_those_that_failed_again(tmp_path: Path) -> None:
    assert Measurer(one=TargetError("It does not answer.")).run(tmp_path) == ["one", "two"]
    failed = profile_store(tmp_path).read("key-one")
    assert failed is not None
    assert (failed.error, failed.profile, failed.configuration) == ("It does not answer.", None, "one")
    assert Measurer().run(tmp_path) == ["one"]
    assert Measurer().run(tmp_path) == []


def test_profiles_that_are_finished_stay_when_the_rest_is_ended_by_hand(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        Measurer(two=KeyboardInterrupt()).run(tmp_path)
    again = Measurer()
    again.run(tmp_path)
    assert again.measured == ["two"]


def key(seconds: float = 5.0, fields: dict[str, Any] | None = None, **knobs: Any) -> str:
    document = parse_document(DOCUMENT | {"profile": {"seconds": seconds}} | (fields or {}), "s.yaml")
    return profile_key(document, Configuration("a", Knobs(**knobs)), PACKAGED, "c")


def test_only_what_decides_a_profile_makes_another() -> None:
    assert key(repeat=0.5) == key(repeat=0.1) == key(workers=3) == key(fields={"loads": {"rates_rps": [99]}, "duration_s": 3.0}) == key()
    others = [key(seconds=1.0), key(instances=3), key(max_batch_size=4), key(batch_sizes=[{"texts": 2}]), key(fields={"seed": 2})]
    assert len({key(), *others}) == 6


def test_a_sweep_is_asked_for_profiles_with_true_or_with_seconds() -> None:
    def seconds(value: Any) -> float | None:
        field = parse_document(DOCUMENT | {"profile": value}, "s.yaml").profile
        return None if field is None else field.seconds

    assert (seconds(True), seconds({"seconds": 2.5}), seconds(False)) == (5.0, 2.5, None)
    with pytest.raises(SweepError, match=r"profile\.seconds: Input should be greater than 0"):
        seconds({"seconds": 0})


def test_plan_reads_the_folder_of_a_sweep(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"holds no best/profile.json: a sweep measures one where its file says `profile: true`"):
        read_profile([tmp_path])
    (tmp_path / "best").mkdir()
    (tmp_path / "best/profile.json").write_text(json.dumps(PROFILE))
    assert read_profile([tmp_path]) == checked_profile(PROFILE, "p")


def test_a_profile_that_lacks_something_names_it() -> None:
    with pytest.raises(ProfileError, match="the profile of a: cache is missing"):
        checked_profile({name: value for name, value in PROFILE.items() if name != "cache"}, "the profile of a")


def test_a_profile_that_failed_is_a_sentence() -> None:
    profiles = {"repeat=0": ChosenProfile("a", None, "It broke.", ()), "repeat=0.5": ChosenProfile("b", PROFILE, None, ())}
    assert missing(profiles) == ["The capacity profile of a could not be measured: It broke."]


PROFILED = ProfileResult("k", "c", PROFILE | {"points": []}, ("A caution.",), 1.0)


def test_the_loads_of_a_sweep_add_points_and_a_ceiling_to_the_profile() -> None:
    sweep = swept({"instances=1": QUICK, "instances=2": SLOW}, profiles={"instances=1": PROFILED}, profile=True, **TWO)
    chosen = sweep.profiles["repeat=0"]
    assert chosen.profile is not None
    assert (chosen.configuration, chosen.cautions, chosen.profile["triton"]) == ("instances=1", ("A caution.",), PROFILE["triton"])
    assert [point["requests_per_s"] for point in chosen.profile["points"]] == [20, 40]
    bounded = swept({"instances=2": SLOW}, profiles={"instances=2": PROFILED}, profile=True, **TWO)
    held, profile = bounded.entries[1].capacity, bounded.profiles["repeat=0"].profile
    assert held is not None
    assert profile is not None
    assert held.safe_low_rps is not None
    assert held.safe_low_rps < held.low_rps
    ceiling = {"slo": "p95<50ms,errors<1%", "texts_per_s": pytest.approx(held.safe_low_rps)}
    assert profile["triton"] == PROFILE["triton"] | {"texts_per_s_within_slo": ceiling}


BUSY = Contention(cores=2, load_average_1m=4.8, before_share=0.9, others_share=0.8, steal_share=0.0, shared=True)


def hidden(results: Results) -> list[Results]:
    """The same run with other work on the machine, and of a generator that was short of CPU."""
    short = Generators((GeneratorUse(0, 0.97, 0.0, results.requests.ended),))
    return [replace(results, contention=BUSY), replace(results, generators=short)]


def test_what_other_work_or_a_generator_slowed_is_no_point_to_check_a_model_with() -> None:
    clear = results(40, 0.03)
    seen = [clear, *hidden(clear)]
    slo = parse_slo("p95<50ms")
    points = [replace(point(40, 0.03), results=run) for run in seen]
    (profiled,) = swept({"as packaged": points}, profiles={"as packaged": PROFILED}, profile=True).profiles.values()
    assert profiled.profile is not None
    assert len(profiled.profile["points"]) == 1
    searched = capacity_part(Found("ceiling", tuple(judge(40, run, slo) for run in seen), None), slo, 1, 1)
    assert searched is not None
    assert len(searched["points"]) == 1
    use = GatewayUse(None, None, None, 1)
    phases = [Phase(name, clear, use, use, {}) for name in ("hits alone", "hits", "misses")]
    attempt = Attempt(TritonConfiguration(2, 1, 0.0), phases, [Phase("40 requests/s", run, use, use, {}) for run in seen])
    profile, cautions = profile_of(Subject("topics", "this-machine", 2, "c", "2026-11-21", 1), attempt)
    assert len(profile["points"]) == 1
    assert any("may have slowed 2 of 3 points: they are left out" in caution for caution in cautions)
    assert any("Other work took more than a tenth of the machine in 1 of 6 runs" in caution for caution in cautions)
    assert profile["measured"]["disturbed"] == "Other work took more than a tenth of the machine in 1 of 6 runs."


def test_loads_on_several_workers_add_nothing_to_a_profile_of_one() -> None:
    sweep = swept({"as packaged": SLOW}, profiles={"as packaged": PROFILED}, profile=True, base={"workers": 2})
    chosen = sweep.profiles["repeat=0"]
    assert chosen.profile == PROFILED.profile
    assert chosen.cautions[1] == "Profiled with one worker of the gateway, where as packaged has 2: its loads are left out."


def test_a_profile_that_failed_is_said_before_the_choice() -> None:
    broken = ProfileResult("k", "as packaged", None, error="It broke.")
    sweep = swept({"as packaged": QUICK}, profiles={"as packaged": broken}, profile=True)
    assert sweep.verdict[0] == "The capacity profile of as packaged could not be measured: It broke."
    assert '<h1 class="bad">The capacity profile of as packaged could not be measured: It broke.</h1>' in render_sweep(sweep)


def test_a_profile_is_shown_and_one_that_is_wanted_is_said() -> None:
    sweep = swept({"as packaged": QUICK}, profiles={"as packaged": PROFILED}, profile=True)
    assert "Capacity profile of A" in render_sweep(sweep)
    assert "A caution." in render_sweep(sweep)
    wanted = swept({"as packaged": QUICK}, profile=True)
    assert "A has no capacity profile yet" in render_sweep(wanted)


def test_the_best_folder_holds_nothing_of_an_earlier_choice(tmp_path: Path) -> None:
    runs: dict[str, Any] = {"repeat=0": QUICK, "repeat=0.5": QUICK}
    first = swept(runs, profiles={"repeat=0": PROFILED, "repeat=0.5": PROFILED}, profile=True, grid={"repeat": [0, 0.5]})
    write_sweep(tmp_path, first)
    (tmp_path / "best/notes.txt").write_text("mine")
    assert len(list((tmp_path / "best").rglob("profile.json"))) == 2
    then = swept({"repeat=0": QUICK}, profile=True, grid={"repeat": [0, 0.5]})
    write_sweep(tmp_path, then)
    left = sorted(str(path.relative_to(tmp_path / "best")) for path in (tmp_path / "best").rglob("*") if path.is_file())
    assert left == ["config.pbtxt", "notes.txt"]


def test_a_sweep_says_of_a_run_that_a_generator_short_of_cpu_missed_that_it_does_not_count() -> None:
    missed = results(40, 0.2)
    busy, short = hidden(missed)
    for run, said in ((short, "load generator could not keep up or was short of CPU; it does not count"), (busy, "other work took more")):
        sweep = swept({"as packaged": [replace(point(40, 0.2), results=run)]})
        assert [load.holds for load in sweep.entries[0].loads] == [None]
        assert any(said in caution for caution in sweep.cautions)
