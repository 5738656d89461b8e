"""Rounds of wrk (Debian's package) against a server, and the CPU time that they cost the server."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import psutil


class Round(NamedTuple):
    """The result of a round.

    `rate` is in responses/s, `cpu_us` is the server process's CPU time for each. `p50` and `p99`
    are percentiles of the latency as wrk writes them.
    """

    rate: float
    cpu_us: float
    p50: str
    p99: str

    def __str__(self) -> str:
        return f"{self.rate:8.0f} requests/s   {self.cpu_us:5.0f} µs CPU each   p50 {self.p50}   p99 {self.p99}"


def load(pid: int, url: str, script: Path, *, connections: int, seconds: int, core: str) -> Round:
    """Run one round of a closed loop with wrk on the CPU `core`.

    It ends the program if a response is no success.
    """
    command = ["taskset", "-c", core, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), url]
    before = _cpu_s(pid)
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    cpu_s = _cpu_s(pid) - before
    if "Non-2xx" in output:
        sys.exit(output)
    return Round(
        float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
        cpu_s * 1e6 / int(re.search(r"(\d+) requests in", output)[1]),
        re.search(r"^\s+50%\s+(\S+)", output, re.MULTILINE)[1],
        re.search(r"^\s+99%\s+(\S+)", output, re.MULTILINE)[1],
    )


def _cpu_s(pid: int) -> float:
    return sum(psutil.Process(pid).cpu_times()[:2])
