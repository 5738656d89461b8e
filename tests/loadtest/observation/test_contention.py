"""What other work takes of the machine, and what becomes of verdicts then."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from jsonschema import Draft202012Validator
from sweep_made import results
from timed import timed

from loadtest.__main__ import main
from loadtest.generator.scripted_process import scripted_server
from loadtest.observation import busiest as busiest_module
from loadtest.observation import contention as contention_module
from loadtest.observation.busiest import Seen
from loadtest.observation.contention import ContentionWatch
from loadtest.observation.process_table import listeners
from loadtest.planning.search.trial import judge
from loadtest.report.headline import headline
from loadtest.results.contention import Contention
from loadtest.results.measurement import Generators, GeneratorUse
from loadtest.results.results import Results
from loadtest.results.slo_check import check
from loadtest.results.verdict import cautions
from loadtest.scenario.loop import ClosedLoop, Loop
from loadtest.slo import parse_slo

SCHEMA = Draft202012Validator(json.loads(Path("loadtest/docs/report.schema.json").read_text()))
QUIET = Contention(cores=2, load_average_1m=0.1, before_share=0.02, others_share=0.03, steal_share=0.0, shared=True)
BUSY = replace(QUIET, others_share=0.7)
STARTER = """
import subprocess, sys
busy = subprocess.Popen([sys.executable, "-c", "while True: pass"], stdout=-3, stderr=-3, start_new_session=True)
print(busy.pid)
"""


def held_against(slo: str, contention: Contention | None) -> Results:
    """A run of 20 requests/s of 60 ms each."""
    run = results(20, 0.06)
    return replace(run, slo_check=check(parse_slo(slo), run.requests, run.latency.decode()), contention=contention)


@pytest.mark.parametrize(
    ("contention", "taken", "disturbs"),
    [
        (QUIET, 0.03, False),
        (BUSY, 0.7, True),
        (replace(QUIET, steal_share=0.2), 0.23, True),
        (replace(QUIET, others_share=None, before_share=0.4), 0.4, True),
        # of a gateway elsewhere only steal is felt, beside the generator's own waiting
        (replace(BUSY, shared=False), 0.0, False),
    ],
)
def test_the_share_that_the_load_lacked(contention: Contention, taken: float, disturbs: bool) -> None:
    assert contention.taken_share == pytest.approx(taken)
    assert contention.disturbs == disturbs


def test_verdict_tone_and_json_agree_on_a_busy_machine() -> None:
    for contention, slo, verdict, tone, begins in (
        (QUIET, "p99<50ms", "missed", "bad", "Misses the SLO p99<50ms"),
        (
            BUSY,
            "p99<50ms",
            "unknown",
            "warn",
            "Cannot tell whether the system holds the SLO p99<50ms (p99<50ms: 60.03 ms): other",
        ),
        (QUIET, "p99<90ms", "held", "good", "Holds the SLO p99<90ms"),
        (
            BUSY,
            "p99<90ms",
            "held",
            "warn",
            "Holds the SLO p99<90ms, and the load generator kept up, while other work took 1.4 of",
        ),
    ):
        found = held_against(slo, contention)
        assert headline(found).sentence.startswith(begins)
        assert headline(found).tone == tone
        assert found.slo_verdict == found.to_dict()["slo_verdict"] == verdict
        assert Results.from_dict(found.to_dict()).contention == contention
        SCHEMA.validate(json.loads(json.dumps(found.to_dict())))
    assert any("worse than the system's own" in caution for caution in cautions(held_against("p99<90ms", BUSY)))


def test_a_generator_that_was_behind_leaves_every_verdict_open() -> None:
    behind = results(20, 0.02, behind=10)
    found = replace(behind, slo_check=check(parse_slo("p99<50ms"), behind.requests, behind.latency.decode()))
    assert (found.slo_verdict, headline(found).tone) == ("unknown", "warn")
    assert headline(found).sentence.startswith("Cannot tell whether the SLO p99<50ms is held: The load generator could not keep up")


def strained(cpu_share: float, wait_share: float, loop: Loop | None = None) -> Results:
    """A run of 60 ms a request, held against 50 ms, of a generator that was short of CPU."""
    run = held_against("p99<50ms", QUIET)
    scenario = run.scenario if loop is None else replace(run.scenario, loop=loop)
    return replace(run, scenario=scenario, generators=Generators((GeneratorUse(0, cpu_share, wait_share, 20),)))


@pytest.mark.parametrize(
    ("run", "verdict", "why"),
    [
        (strained(0.5, 0.05), "missed", "the load generator kept up"),
        (strained(0.97, 0.0), "unknown", "the load generator used 97% of a core"),
        (strained(0.99, 0.0, ClosedLoop(8)), "unknown", "the load generator used 99% of a core"),
        (strained(0.2, 0.4), "unknown", "the load generator waited 40% of the time for a core"),
    ],
)
def test_what_a_generator_short_of_cpu_saw_missed_need_not_be_the_system_s(run: Results, verdict: str, why: str) -> None:
    assert (run.slo_verdict, headline(run).tone) == (verdict, "bad" if verdict == "missed" else "warn")
    assert why in headline(run).sentence
    trial = judge(20, run, parse_slo("p99<50ms"))
    assert (trial.counts, trial.spoilt_by) == ((True, None) if verdict == "missed" else (False, "generator"))
    # what it saw held was held
    held = replace(run, slo_check=check(parse_slo("p99<90ms"), run.requests, run.latency.decode()))
    assert held.slo_verdict == "held"
    assert judge(20, run, parse_slo("p99<90ms")).held


@contextmanager
def other_work(processes: int = 2) -> Iterator[list[int]]:
    """Processes that belong to nobody here, busy until the end of `with`; gives their ids."""
    started = [
        int(subprocess.run([sys.executable, "-c", STARTER], capture_output=True, text=True, check=True).stdout) for _ in range(processes)
    ]
    try:
        yield started
    finally:
        for pid in started:
            psutil.Process(pid).kill()


@timed
@pytest.mark.integration
def test_the_work_of_others_is_seen_and_our_own_is_not() -> None:
    with other_work(), ContentionWatch("http://127.0.0.1:9", shared_machine=False) as watch:
        time.sleep(1.0)  # what others take is measured over a time
    assert watch.found is not None
    assert watch.found.before_share > 0.3
    assert watch.found.others_share is None  # nobody listens there
    assert watch.found.disturbs
    with scripted_server() as url:
        with other_work(), ContentionWatch(url) as watch:
            time.sleep(1.0)  # what others take is measured over a time
        assert watch.found is not None
        assert watch.found.others_share is not None
        assert watch.found.others_share > 0.3
    with ContentionWatch(url, shared_machine=True) as watch:
        pass
    assert watch.found is None


@pytest.fixture
def all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are named: this machine may have busier processes than those that a test starts."""
    monkeypatch.setattr(busiest_module, "MOST_NAMED", 10_000)


def test_the_busiest_are_named_first_and_no_more_than_three() -> None:
    gone = 5_000_000  # beyond Linux's greatest id
    then = {(gone + number, 0.0): Seen("p", 10.0) for number in range(1, 6)}
    now = {(gone + number, 0.0): Seen("p", 10.0 + number / 10) for number in range(1, 6)} | {(gone + 6, 1.0): Seen("new", 0.35)}
    found = busiest_module.busiest(then, now, 2.0, but=(gone + 5,), cores=(0,))
    assert [(process.pid - gone, process.cores) for process in found] == [(4, 0.2), (6, 0.17), (3, 0.15)]
    assert busiest_module.busiest(then, then, 2.0, but=(), cores=(0,)) == ()


@timed
@pytest.mark.integration
def test_the_busiest_of_others_are_named_unless_they_are_the_system_s(all_named: None) -> None:
    with scripted_server() as url, other_work() as pids:
        with ContentionWatch(url) as watch:
            time.sleep(1.0)  # what others take is measured over a time
        with ContentionWatch(url, pids) as told:
            time.sleep(1.0)  # what others take is measured over a time
    assert watch.found is not None
    assert told.found is not None
    assert {*pids} <= {process.pid for process in watch.found.busiest}
    assert not {*pids} & {process.pid for process in told.found.busiest}
    caution = next(said for said in cautions(held_against("p99<50ms", watch.found)) if said.startswith("While the load ran"))
    assert f"(pid {pids[0]}) with " in caution
    assert "name it with --watch-pid" in caution


@timed
@pytest.mark.integration
def test_other_work_on_the_gateway_s_cores_is_seen_from_a_generator_on_another(all_named: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # servers of other tests may still run under this process, on all cores
    monkeypatch.setattr(contention_module, "_descendants", lambda pid: [])
    whole, pinned = os.sched_getaffinity(0), min(os.sched_getaffinity(0))
    with scripted_server() as url, other_work(1) as pids:
        for pid in (*pids, *listeners(url)):
            psutil.Process(pid).cpu_affinity([max(whole)])
        os.sched_setaffinity(0, {pinned})
        then, began_s = busiest_module.look_at_processes(), time.monotonic()
        try:
            with ContentionWatch(url) as watch:
                time.sleep(1.0)  # what others take is measured over a time
            # of the gateway's cores: on a busy machine the generator's own may lack more
            there = busiest_module.busiest(then, busiest_module.look_at_processes(), time.monotonic() - began_s, but=(), cores={max(whole)})
        finally:
            os.sched_setaffinity(0, whole)
    assert watch.found is not None
    assert watch.found.cores == 1
    assert watch.found.others_share is not None
    assert watch.found.others_share > 0.3
    assert pids[0] in {process.pid for process in there}


def test_a_process_to_watch_that_is_not_there_is_refused_before_any_load(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    asked = ["--url", "http://127.0.0.1:9", "--model", "topics", "--corpus", str(corpus), "--report", str(tmp_path), "--slo", "p99<1s"]
    for verb in (["run", "--rate", "5", "--duration", "1"], ["search"]):
        for pid, said in ((str(ended.pid), f"Process {ended.pid} cannot be watched: there is none."), ("x", "'x' is no process id")):
            with pytest.raises(SystemExit) as refused:
                main([*verb, *asked, "--watch-pid", str(os.getpid()), "--watch-pid", pid])
            assert (refused.value.code, said in capsys.readouterr().err) == (2, True)


@timed
@pytest.mark.integration
def test_a_search_on_a_busy_machine_gives_no_narrow_answer(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # one worker of 20 ms carries 50 requests/s
    with scripted_server(latencies_ms=[[20, 1]], workers=1) as url, other_work():
        asked = ["--url", url, "--model", "topics", "--corpus", str(corpus), "--report", str(tmp_path), "--repeat", "0"]
        loads = ["--first-rate", "80", "--duration", "1", "--warm-up", "0", "--slo", "p99<100ms", "--fail"]
        status = main(["search", *asked, *loads])
    found = json.loads((tmp_path / "search.json").read_text())
    assert (status, found["outcome"], found["rate"]) == (3, "contention", None)
    assert capsys.readouterr().out.startswith("The machine was too busy with other work to tell")
    assert '<h1 class="good"' not in (tmp_path / "search.html").read_text()


@pytest.mark.integration
@pytest.mark.parametrize(("slo", "status"), [("p99<5s,errors<1%", 0), ("p99<1ms", 1)])
def test_fail_gives_the_slo_s_own_exit_status(slo: str, status: int, corpus: Path, tmp_path: Path) -> None:
    with scripted_server(latencies_ms=[[10, 1]], closes=0.001) as url:
        asked = ["--url", url, "--model", "topics", "--corpus", str(corpus), "--report", str(tmp_path), "--repeat", "0", "--shared-machine"]
        assert main(["run", *asked, "--users", "4", "--duration", "1", "--slo", slo, "--fail"]) == status
        with pytest.raises(SystemExit) as refused:
            main(["run", *asked, "--users", "4", "--duration", "1", "--fail"])
    assert refused.value.code == 2
