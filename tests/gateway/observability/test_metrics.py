"""Metrics over several workers."""

import os
import subprocess
import sys

RAISE_AND_DIE = """
import os, signal
from gateway.observability import metrics
metrics.IN_FLIGHT.inc()
metrics.TRITON_UP.set(0)
metrics.UNAUTHENTICATED.inc()
os.kill(os.getpid(), signal.SIGKILL)
"""
WRITE = """
from gateway.observability import metrics
metrics.IN_FLIGHT.inc()
metrics.TRITON_UP.set(1)
print(metrics.exposition("")[0].decode())
"""


def test_the_gauges_of_a_killed_worker_are_gone_and_its_counts_stay(tmp_path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", RAISE_AND_DIE], env=environment).returncode == -9
    written = subprocess.run([sys.executable, "-c", WRITE], env=environment, check=True, capture_output=True, text=True).stdout.splitlines()
    assert {"headrace_requests_in_flight 1.0", "headrace_triton_up 1.0", "headrace_unauthenticated_total 1.0"} <= set(written)
