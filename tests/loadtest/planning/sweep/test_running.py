import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sweep_made import PACKAGED, measured, point

from loadtest.observation.triton_statistics import Statistics
from loadtest.planning.sweep.configuration import Configuration
from loadtest.planning.sweep.description import Description, describe
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.jobs import Job
from loadtest.planning.sweep.knobs import Knobs
from loadtest.planning.sweep.point import SEARCH, memory_by_part, point_of
from loadtest.planning.sweep.run import OLDER, Run, SearchEnd, run_store
from loadtest.planning.sweep.stack.observer import Observer, cpu_s_per_request
from loadtest.planning.sweep.stack.running import triton_address
from loadtest.planning.sweep.store import Store
from loadtest.planning.sweep.sweeper import Standing, run_jobs, time_left_s
from loadtest.results.observed import Observed, ProcessPoint, ProcessUse
from loadtest.results.progress import Progress, ignore
from loadtest.target.gateway_process import RunningGateway
from loadtest.target.readiness import TargetError

JOBS = [Job(Configuration(f"instances={count}", Knobs(instances=count)), 0, f"key{count}") for count in (1, 2, 3)]


SPIN_S = 0.7
SPINNING = f"""import sys, time
for line in sys.stdin:
    until_s = time.process_time() + {SPIN_S}
    while time.process_time() < until_s:
        pass
    print("spun", flush=True)
"""


def described(job: Job) -> Description:
    return describe(job.configuration, "topics", PACKAGED)


class Measurer:
    """Measures nothing; fails or is interrupted where it is asked to, and remembers."""

    def __init__(self, **outcomes: BaseException) -> None:
        self.measured: list[str] = []
        self.standings: list[Standing] = []
        self.ended: list[str | None] = []
        self._outcomes = outcomes

    def __call__(self, job: Job) -> Run:
        self.measured.append(job.key)
        if job.key in self._outcomes:
            raise self._outcomes[job.key]
        return Run(job.key, job.repetition, described(job), replace(measured([]), elapsed_s=10.0))

    def sweep(self, store: Store[Run], most: int | None = None) -> None:
        run_jobs(
            JOBS,
            store,
            self,
            described,
            most=most,
            on_job=self.standings.append,
            on_end=lambda run, _elapsed_s: self.ended.append(run.error),
        )


def test_all_are_measured_and_then_none_again(tmp_path: Path) -> None:
    first, second = Measurer(), Measurer()
    first.sweep(run_store(tmp_path))
    second.sweep(run_store(tmp_path))
    assert first.measured == ["key1", "key2", "key3"]
    assert second.measured == []


def test_progress_tells_which_of_how_many_and_the_time_left(tmp_path: Path) -> None:
    measurer = Measurer()
    measurer.sweep(run_store(tmp_path))
    assert [(standing.number, standing.total, standing.left_s) for standing in measurer.standings] == [
        (1, 3, None),
        (2, 3, 20.0),
        (3, 3, 10.0),
    ]


def test_what_is_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    interrupted, again = Measurer(key2=KeyboardInterrupt()), Measurer()
    with pytest.raises(KeyboardInterrupt):
        interrupted.sweep(run_store(tmp_path))
    assert run_store(tmp_path).is_finished("key1")
    again.sweep(run_store(tmp_path))
    assert again.measured == ["key2", "key3"]
    assert [(standing.number, standing.left_s) for standing in again.standings] == [(2, 20.0), (3, 10.0)]


def test_a_failure_is_kept_and_the_others_go_on_and_it_is_tried_again(tmp_path: Path) -> None:
    failing, again = Measurer(key2=TargetError("It does not answer.")), Measurer()
    failing.sweep(run_store(tmp_path))
    assert failing.measured == ["key1", "key2", "key3"]
    assert failing.ended == [None, "It does not answer.", None]
    kept = run_store(tmp_path).read("key2")
    assert kept is not None
    assert (kept.error, kept.description.name, kept.points) == ("It does not answer.", "instances=2", ())
    again.sweep(run_store(tmp_path))
    assert again.measured == ["key2"]


def test_an_unexpected_error_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        Measurer(key1=ZeroDivisionError()).sweep(run_store(tmp_path))
    assert run_store(tmp_path).read("key1") is None


def test_only_the_next_ones_can_be_measured(tmp_path: Path) -> None:
    first, second = Measurer(), Measurer()
    first.sweep(run_store(tmp_path), most=1)
    second.sweep(run_store(tmp_path), most=1)
    assert (first.measured, second.measured) == (["key1"], ["key2"])


def test_results_of_an_earlier_form_are_finished_too(tmp_path: Path) -> None:
    run_store(tmp_path).keep(Run("key1", 0, described(JOBS[0]), measured([]), schema=OLDER[0]))
    assert run_store(tmp_path).is_finished("key1")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "headrace-sweep-run/0", "error": null}'])
def test_a_result_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/key1.json").write_text(text)
    assert not run_store(tmp_path).is_finished("key1")


def test_results_of_another_version_are_none(tmp_path: Path) -> None:
    values = Run("key1", 0, described(JOBS[0]), measured([point(20, 0.02)])).to_dict()
    values["points"][0]["results"]["schema_version"] = 1
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/key1.json").write_text(json.dumps(values))
    assert run_store(tmp_path).read("key1") is None


@pytest.mark.parametrize("error", [None, "It does not answer."])
def test_a_result_is_read_as_it_was_written(tmp_path: Path, error: str | None) -> None:
    points = [point(20, 0.02), point_of(40, SEARCH, None, None)]
    made = None if error else replace(measured(points), search=SearchEnd("broken", "No answer."))
    run = Run("key1", 1, described(JOBS[0]), made, error)
    run_store(tmp_path).keep(run)
    assert run_store(tmp_path).read("key1") == run


def test_the_time_left_is_the_mean_of_what_was_measured() -> None:
    assert time_left_s([], 3) is None
    assert time_left_s([10, 20], 3) == 45


def test_an_observer_counts_each_run_from_its_first_progress_to_its_end() -> None:
    readings = iter(Statistics(calls=calls, texts=calls, executions=calls) for calls in (5, 8, 8, 10))
    heard: list[Progress] = []
    with subprocess.Popen([sys.executable, "-c", SPINNING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as spinning:
        assert spinning.stdin is not None
        assert spinning.stdout is not None
        observer = Observer(RunningGateway("http://192.0.2.1:80", spinning.pid), lambda: next(readings), heard.append)
        with observer.watching() as first:
            for requests in (100, 300):
                observer.on_progress(Progress(elapsed_s=0.0, requests=requests, failures=0))
            spinning.stdin.write("spin\n")
            spinning.stdin.flush()
            assert spinning.stdout.readline() == "spun\n"
        found = first.seen(400)
        with observer.watching() as without_progress:
            pass
        with observer.watching() as third:
            observer.on_progress(Progress(0.1, 0, 0))
        nothing = third.seen(100)
        spinning.communicate("")
    assert found is not None
    assert found.batches.calls == 3
    (use,) = [use for use in found.observed.processes if use.pid == spinning.pid]
    assert use.cpu_s is not None
    assert use.cpu_s >= SPIN_S
    assert without_progress.seen(400) is None
    assert nothing is not None
    assert nothing.batches.calls == 2
    assert nothing.cpu_s_per_request is None  # the run was over before two samples could be taken
    assert len(heard) == 3


def test_cpu_is_told_by_part_for_one_request() -> None:
    uses = [
        ProcessUse("gateway worker 1", "gateway", 1, [ProcessPoint(1.0, 0.5, 10)], None, 0.5),
        ProcessUse("gateway worker 2", "gateway", 2, [ProcessPoint(1.0, 0.5, 10)], 1.0, 0.7),
        ProcessUse("load generator", "generator", 3, [ProcessPoint(1.0, 0.5, 10)], None, 9.0),
    ]
    assert cpu_s_per_request(Observed(uses), 100) == {"gateway": pytest.approx(0.012), "triton": 0, "cache": 0}
    assert memory_by_part(Observed(uses)) == {"gateway": 20, "triton": 0, "cache": 0}


def test_a_gateway_that_is_gone_or_has_no_triton_is_said() -> None:
    # not this process, which may have a tritonserver of other tests
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as childless:
        with pytest.raises(SweepError, match="no tritonserver of its own"):
            triton_address(childless.pid)
        childless.communicate(b"\n")
    gone = Observer(RunningGateway("http://192.0.2.1:80", childless.pid), Statistics, ignore)
    with pytest.raises(SweepError, match="the gateway has ended"), gone.watching():
        pass
