import subprocess
import sys

import pytest

from gateway.observability import metrics_files

WORKER = """
import sys
from pathlib import Path
from gateway.observability.metrics_files import Slot

slot = Slot(Path(sys.argv[1]))
for name in ("counter", "gauge_livesum"):
    (Path(sys.argv[1]) / f"{name}_{slot.number}.db").touch()
print(slot.number, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start_worker(tmp_path):
    """Starts processes that take a slot and keep it; gives the process and the slot's number."""
    started = []

    def start():
        worker = subprocess.Popen([sys.executable, "-c", WORKER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(worker)
        return worker, int(worker.stdout.readline())

    yield start
    for worker in started:
        worker.kill()
        worker.communicate()


def names(folder):
    return {path.rpartition("/")[2] for path in metrics_files.shown(folder)}


def test_each_worker_has_a_slot_of_its_own(start_worker):
    assert [start_worker()[1] for _ in range(3)] == [0, 1, 2]


def test_a_killed_workers_gauges_vanish_and_its_counts_stay(start_worker, tmp_path):
    start_worker()
    second, _ = start_worker()
    assert names(tmp_path) == {"counter_0.db", "gauge_livesum_0.db", "counter_1.db", "gauge_livesum_1.db"}
    second.kill()
    second.wait()
    assert names(tmp_path) == {"counter_0.db", "gauge_livesum_0.db", "counter_1.db"}


def test_the_next_worker_takes_the_slot_over_and_forgets_the_gauges(start_worker, tmp_path):
    first, number = start_worker()
    (tmp_path / f"gauge_livemax_{number}.db").touch()
    first.kill()
    first.wait()
    assert start_worker()[1] == number
    assert names(tmp_path) == {"counter_0.db", "gauge_livesum_0.db"}


def test_reading_the_files_takes_no_slot(start_worker, tmp_path):
    (worker, _), (other, _) = start_worker(), start_worker()
    worker.kill()
    worker.wait()
    for _ in range(20):
        metrics_files.shown(tmp_path)
    assert start_worker()[1] == 0
    assert other.poll() is None
