import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtest.generator.measure import Progress
from loadtest.sweep.configuration import Configuration
from loadtest.sweep.errors import SweepError
from loadtest.sweep.jobs import Job
from loadtest.sweep.knobs import Knobs
from loadtest.sweep.stack.observer import Observer, Reading
from loadtest.sweep.stack.process_use import ProcessUse, triton_address, use_of
from loadtest.sweep.stack.triton_statistics import BatchStatistics, parse
from loadtest.sweep.store import RUN_SCHEMA, Store
from loadtest.sweep.sweeper import Standing, run_jobs, time_left_s
from loadtest.target import TargetError

JOBS = [Job(Configuration(f"instances={count}", Knobs(instances=count)), 0, f"key{count}") for count in (1, 2, 3)]


class Measurer:
    """Measures nothing; fails or is interrupted where it is told to, and remembers."""

    def __init__(self, **outcomes: BaseException) -> None:
        self.measured: list[str] = []
        self.standings: list[Standing] = []
        self.ended: list[str | None] = []
        self._outcomes = outcomes

    def __call__(self, job: Job) -> dict[str, Any]:
        self.measured.append(job.key)
        if job.key in self._outcomes:
            raise self._outcomes[job.key]
        return {"schema": RUN_SCHEMA, "key": job.key, "elapsed_s": 10.0, "points": [], "error": None}

    def sweep(self, store: Store, most: int | None = None) -> None:
        run_jobs(
            JOBS,
            store,
            self,
            lambda job: {"key": job.key, "name": job.configuration.name},
            most=most,
            on_job=self.standings.append,
            on_end=lambda _job, run, _elapsed_s: self.ended.append(run["error"]),
        )


def test_all_are_measured_and_then_none_again(tmp_path: Path) -> None:
    first, second = Measurer(), Measurer()
    first.sweep(Store(tmp_path))
    second.sweep(Store(tmp_path))
    assert first.measured == ["key1", "key2", "key3"]
    assert second.measured == []


def test_progress_tells_which_of_how_many_and_the_time_left(tmp_path: Path) -> None:
    measurer = Measurer()
    measurer.sweep(Store(tmp_path))
    assert [(standing.number, standing.total, standing.left_s) for standing in measurer.standings] == [
        (1, 3, None),
        (2, 3, 20.0),
        (3, 3, 10.0),
    ]


def test_what_is_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    interrupted, again = Measurer(key2=KeyboardInterrupt()), Measurer()
    with pytest.raises(KeyboardInterrupt):
        interrupted.sweep(Store(tmp_path))
    assert Store(tmp_path).is_finished("key1")
    again.sweep(Store(tmp_path))
    assert again.measured == ["key2", "key3"]
    assert [(standing.number, standing.left_s) for standing in again.standings] == [(2, 20.0), (3, 10.0)]


def test_a_failure_is_kept_and_the_others_go_on_and_it_is_tried_again(tmp_path: Path) -> None:
    failing, again = Measurer(key2=TargetError("It does not answer.")), Measurer()
    failing.sweep(Store(tmp_path))
    assert failing.measured == ["key1", "key2", "key3"]
    assert failing.ended == [None, "It does not answer.", None]
    kept = Store(tmp_path).read("key2")
    assert kept is not None
    assert (kept["error"], kept["name"], kept["points"]) == ("It does not answer.", "instances=2", [])
    again.sweep(Store(tmp_path))
    assert again.measured == ["key2"]


def test_an_unexpected_error_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        Measurer(key1=ZeroDivisionError()).sweep(Store(tmp_path))
    assert Store(tmp_path).read("key1") is None


def test_only_the_next_ones_can_be_measured(tmp_path: Path) -> None:
    first, second = Measurer(), Measurer()
    first.sweep(Store(tmp_path), most=1)
    second.sweep(Store(tmp_path), most=1)
    assert (first.measured, second.measured) == (["key1"], ["key2"])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "headrace-sweep-run/0", "error": null}'])
def test_a_result_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/key1.json").write_text(text)
    assert not Store(tmp_path).is_finished("key1")


def test_the_time_left_is_the_mean_of_what_was_measured() -> None:
    assert time_left_s([], 3) is None
    assert time_left_s([10, 20], 3) == 45


def test_batches_are_the_difference_of_two_readings() -> None:
    def stats(calls: int, sizes: dict[int, int]) -> BatchStatistics:
        return parse(
            {
                "inference_count": sum(size * count for size, count in sizes.items()),
                "execution_count": sum(sizes.values()),
                "inference_stats": {"success": {"count": calls}, "queue": {"count": calls, "ns": calls * 2_000_000}, "compute_infer": {}},
                "batch_stats": [
                    {"batch_size": size, "compute_infer": {"count": count, "ns": count * size * 1_000_000}} for size, count in sizes.items()
                ],
            }
        )

    seen = stats(12, {1: 4, 8: 2}).since(stats(2, {1: 2})).to_dict()
    assert seen == {
        "calls": 10,
        "texts": 18,
        "executions": 4,
        "mean_batch_texts": 4.5,
        "mean_call_texts": 1.8,
        "mean_queue_ms": pytest.approx(2.0),
        "sizes": {"1": 2, "8": 2},
        "batch_ms": {"1": pytest.approx(1.0), "8": pytest.approx(8.0)},
    }
    nothing = stats(2, {1: 2}).since(stats(2, {1: 2})).to_dict()
    assert (nothing["mean_batch_texts"], nothing["mean_queue_ms"], nothing["sizes"], nothing["batch_ms"]) == (None, None, {}, {})


def test_an_observer_counts_from_the_first_progress_of_a_run() -> None:
    spent_s = iter([5.0, 8.0, 8.0, 10.0])

    def read() -> Reading:
        return Reading(BatchStatistics(), ProcessUse({"gateway": next(spent_s)}, {}))

    heard: list[Progress] = []
    observer = Observer(read, heard.append)
    for requests in (100, 300):
        observer.on_progress(Progress(elapsed_s=requests / 100, requests=requests, failures=0))
    first = observer.observed(400)
    assert first is not None
    assert first["cpu_s_per_request"] == {"gateway": pytest.approx(0.01)}
    assert observer.observed(400) is None
    observer.on_progress(Progress(0.1, 0, 0))
    second = observer.observed(100)
    assert second is not None
    assert second["cpu_s_per_request"] == {"gateway": pytest.approx(0.02)}
    assert len(heard) == 3


def test_the_use_of_processes_is_counted_and_a_gateway_without_triton_is_said() -> None:
    use = use_of(os.getpid())
    assert use.cpu_s["gateway"] > 0
    assert use.memory_bytes["gateway"] > 1_000_000
    # not this process, which may have a tritonserver of other tests
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as childless:
        with pytest.raises(SweepError, match="no tritonserver of its own"):
            triton_address(childless.pid)
        childless.communicate(b"\n")
