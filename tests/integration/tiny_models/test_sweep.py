"""A sweep on real stacks, with profiles and a configuration that cannot start.

It is interrupted in its second configuration and resumed.
"""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import yaml
from gateway_process import ROOT, wait_until

from loadtest.__main__ import main

MODEL = "weather"
SWEEP = {
    "model": MODEL,
    "slo": "p95<5s",
    "configurations": [
        {"name": "delayed", "queue_delay_us": 3000, "preferred_batch_sizes": [2], "max_batch_size": 2, "instances": 2, "repeat": 0.5},
        {"name": "one by one", "dynamic_batching": False, "joining": False, "cache": False, "repeat": 0.25},
        {"name": "broken", "settings": {"HEADRACE_MAX_PENDING": 0}, "repeat": 0.5},
    ],
    "loads": {"rates_rps": [30]},
    "duration_s": 1.5,
    "warm_up_s": 0,
    "profile": {"seconds": 0.5},
    "shared_machine": True,
}


@dataclass(frozen=True)
class Sweep:
    """The file and folder of a sweep."""

    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def arguments(self) -> list[str]:
        return ["sweep", str(self.folder / "sweep.yaml"), "--out", str(self.out)]

    @property
    def found(self) -> dict[str, object]:
        return json.loads((self.out / "sweep.json").read_text())

    @property
    def headline(self) -> str:
        return re.search(r"<h1 class=[^>]*>(.*)</h1>", (self.out / "sweep.html").read_text())[1]

    @contextmanager
    def begin(self, log):
        command = [sys.executable, "-m", "loadtest", *self.arguments]
        with log.open("wb") as output, subprocess.Popen(command, cwd=ROOT, env=os.environ, stderr=output, stdout=output) as process:
            yield process


def make_sweep(folder, tasks_repository):
    (folder / "texts.txt").write_text("".join(f"alna bera {number}\n" for number in range(40)))
    (folder / "packaged.pbtxt").write_bytes((tasks_repository.folder / MODEL / "config.pbtxt").read_bytes())
    (folder / "sweep.yaml").write_text(yaml.safe_dump(SWEEP | {"repository": str(tasks_repository.folder), "corpus": "texts.txt"}))
    return Sweep(folder)


def interrupt(sweep, words, number):
    """Start a sweep, and send it the signal `number` once it has logged `words`; returns its log.

    No process of the stack may be left.
    """
    log = sweep.folder / "log"
    with sweep.begin(log) as process:
        wait_until(lambda: words in log.read_text())
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        assert process.wait(60) == 130
    assert psutil.wait_procs(children, timeout=30)[1] == []
    return log.read_text()


@pytest.fixture(scope="module")
def interrupted(tasks_repository, tmp_path_factory):
    """A sweep after Ctrl-C in its second configuration.

    Gives (sweep, log, contents of sweep.json, headline of the page, modification times of results).
    """
    sweep = make_sweep(tmp_path_factory.mktemp("sweep"), tasks_repository)
    said = interrupt(sweep, "[2 of 3", signal.SIGINT)
    finished = {path: path.stat().st_mtime_ns for path in (sweep.out / "runs").glob("*.json")}
    return sweep, said, sweep.found, sweep.headline, finished


@pytest.fixture(scope="module")
def resumed(interrupted):
    """The same sweep after it was run again.

    Gives (sweep, exit status, log, modification times of the results that were finished before).
    """
    sweep, *_, finished = interrupted
    log = sweep.folder / "log"
    with sweep.begin(log) as process:
        status = process.wait(120)
    return sweep, status, log.read_text(), finished


@pytest.mark.integration
def test_an_interrupted_sweep_keeps_its_finished_results_and_says_so_first(interrupted):
    _, said, found, headline, finished = interrupted
    assert "Ended by hand; what is finished stays" in said
    assert [one["state"] for one in found["configurations"]] == ["finished", "pending", "pending"]
    assert headline == "Ended by hand before all was measured; the same command goes on."
    assert found["verdict"][1] == "2 of 3 configurations not measured yet: one by one, broken."
    assert len(finished) == 1


@pytest.mark.integration
def test_a_sweep_that_is_interrupted_before_anything_is_measured_leaves_a_page(tasks_repository, tmp_path):
    sweep = make_sweep(tmp_path, tasks_repository)
    interrupt(sweep, "[1 of 3", signal.SIGTERM)
    assert sweep.headline == "Ended by hand before all was measured; the same command goes on."
    assert {one["state"] for one in sweep.found["configurations"]} == {"pending"}


@pytest.mark.integration
def test_a_sweep_resumes_where_it_was_interrupted(resumed):
    sweep, _, said, finished = resumed
    assert re.search(r"\[2 of 3, about \d+ s left\] one by one: 1 load, ", said)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    delayed, one_by_one, _ = sweep.found["configurations"]
    assert one_by_one["loads"][0]["batch_sizes"].keys() == {"1"}
    assert one_by_one["loads"][0]["cache_hit_rate"] == 0
    assert delayed["loads"][0]["cache_hit_rate"] > 0.3
    assert delayed["loads"][0]["mean_queue_ms"] > 1
    assert "max_queue_delay_microseconds: 3000" in (sweep.out / "best/config.pbtxt").read_text()


@pytest.mark.integration
def test_the_repository_is_not_changed(resumed, tasks_repository):
    sweep, *_ = resumed
    assert (tasks_repository.folder / MODEL / "config.pbtxt").read_bytes() == (sweep.folder / "packaged.pbtxt").read_bytes()


@pytest.mark.integration
def test_each_part_of_the_stack_is_observed_over_time(resumed):
    sweep, *_ = resumed
    for one in sweep.found["configurations"][:2]:
        assert one["loads"][0]["cpu_s_per_request"]["triton"] > 0
        assert one["memory_bytes"]["triton"] > one["memory_bytes"]["cache"] > 0
        assert {"gateway", "triton", "cache"} <= one["over_time"]["parts"].keys()
        observed = one["over_time"]["results"]["observed"]
        assert {"gateway", "tritonserver", "valkey-server 1", "valkey-server 2"} <= {use["name"] for use in observed["processes"]}
        assert observed["tritons"][0]["series"][-1]["executions_per_s"] > 0
        assert one["over_time"]["results"]["series"][0]["answered"] > 0
    page = (sweep.out / "sweep.html").read_text()
    assert page.count('aria-label="CPU by part over time"') == 2
    assert page.count('aria-label="Texts in a batch over time"') == 2


@pytest.mark.integration
def test_a_configuration_that_cannot_start_is_reported_first_and_the_others_are_measured(resumed):
    sweep, status, *_ = resumed
    assert status == 1
    assert [one["state"] for one in sweep.found["configurations"]] == ["finished", "finished", "failed"]
    assert "HEADRACE_MAX_PENDING" in sweep.found["configurations"][2]["error"]
    assert sweep.headline == "1 of 3 configurations could not be measured: broken."


@pytest.mark.integration
def test_plan_reads_the_folder_of_a_sweep(resumed, capsys):
    sweep, *_ = resumed
    profile = json.loads((sweep.out / "best/profile.json").read_text())
    assert profile["triton"]["instances"] == 2
    assert profile["gateway"]["cpu_s_per_miss"] > profile["gateway"]["cpu_s_per_hit"] > 0
    assert main(["plan", "--rate", "20", "--slo", "p99<5s", "--results", str(sweep.out)]) == 0
    assert "hold 20 requests/s within p99<5000ms" in capsys.readouterr().out


@pytest.mark.integration
def test_a_configuration_without_a_cache_has_no_profile(resumed):
    sweep, *_ = resumed
    assert sweep.found["verdict"][1] == (
        "The capacity profile of one by one could not be measured: "
        "one by one keeps no answers (cache: off), and a capacity profile tells hits from misses."
    )
    assert not (sweep.out / "best/repeat=0.25/profile.json").exists()


@pytest.mark.integration
def test_another_slo_needs_no_new_runs(resumed, capsys):
    sweep, _, _, finished = resumed
    main([*sweep.arguments, "--slo", "p95<1us"])
    assert "no configuration holds p95<0.001ms at any rate that was tried" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert not (sweep.out / "best/config.pbtxt").exists()
