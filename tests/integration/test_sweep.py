"""A sweep on real stacks, ended by hand in its second configuration and taken up again."""

import json
import os
import re
import signal
import subprocess
import sys

import psutil
import pytest
import yaml
from gateway_process import ROOT, wait_until

MODEL = "weather"
SWEEP = {
    "model": MODEL,
    "slo": "p95<5s",
    "configurations": [
        {"name": "one by one", "dynamic_batching": False, "joining": False, "cache": False, "repeat": 0.5},
        {"name": "delayed", "queue_delay_us": 3000, "preferred_batch_sizes": [4], "max_batch_size": 8, "instances": 2, "repeat": 0.5},
    ],
    "loads": {"rates_rps": [20]},
    "duration_s": 2,
    "warm_up_s": 0,
}


@pytest.fixture
def sweep(tasks_repository, tmp_path):
    (tmp_path / "texts.txt").write_text("".join(f"alna bera {number}\n" for number in range(40)))
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(SWEEP | {"repository": str(tasks_repository.folder), "corpus": "texts.txt"}))
    return [sys.executable, "-m", "loadtest", "sweep", str(path), "--out", str(tmp_path / "out")]


def descendants_of(process):
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.integration
def test_a_sweep_that_is_ended_by_hand_goes_on_where_it_was(sweep, tasks_repository, tmp_path):
    packaged = (tasks_repository.folder / MODEL / "config.pbtxt").read_bytes()
    runs, log = tmp_path / "out/runs", tmp_path / "log"
    with log.open("wb") as output, subprocess.Popen(sweep, cwd=ROOT, env=os.environ, stderr=output, stdout=output) as process:
        wait_until(lambda: "[2 of 2" in log.read_text(), timeout_s=60)
        children = descendants_of(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    said = log.read_text()
    assert "Ended by hand; what is finished stays" in said
    assert psutil.wait_procs(children, timeout=30)[1] == []
    (first,) = runs.glob("*.json")
    finished_at = first.stat().st_mtime_ns
    half = json.loads((tmp_path / "out/sweep.json").read_text())
    assert [one["state"] for one in half["configurations"]] == ["finished", "pending"]
    assert half["verdict"][-1] == "1 of 2 configurations not measured yet: delayed."

    done = subprocess.run(sweep, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\[2 of 2, about \d+ s left\] delayed: 1 loads", done.stderr)
    assert first.stat().st_mtime_ns == finished_at
    found = json.loads((tmp_path / "out/sweep.json").read_text())
    alone, delayed = found["configurations"]
    assert found["complete"]
    assert alone["loads"][0]["batch_sizes"].keys() == {"1"}
    assert alone["loads"][0]["cache_hit_rate"] == 0
    assert delayed["loads"][0]["cache_hit_rate"] > 0.3
    assert delayed["loads"][0]["mean_queue_ms"] > 1
    assert alone["loads"][0]["cpu_s_per_request"]["triton"] > 0
    assert delayed["memory_bytes"]["triton"] > delayed["memory_bytes"]["cache"] > 0
    best = (tmp_path / "out/best/config.pbtxt").read_text()
    assert "max_queue_delay_microseconds: 3000" in best or "dynamic_batching" not in best
    assert (tasks_repository.folder / MODEL / "config.pbtxt").read_bytes() == packaged

    other = subprocess.run([*sweep, "--slo", "p95<1us"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "no configuration holds p95<0.001ms at any rate that was tried" in other.stdout


@pytest.mark.integration
def test_a_configuration_that_cannot_start_is_reported_and_the_others_go_on(sweep, tmp_path):
    path = tmp_path / "sweep.yaml"
    broken = {"name": "broken", "settings": {"HEADRACE_MAX_PENDING": 0}}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"configurations": [broken, {"name": "whole"}]}))
    done = subprocess.run(sweep, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    found = json.loads((tmp_path / "out/sweep.json").read_text())
    assert [one["state"] for one in found["configurations"]] == ["failed", "finished"]
    assert "HEADRACE_MAX_PENDING" in found["configurations"][0]["error"]
