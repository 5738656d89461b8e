import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from loadtest.generator.ceiling import FIRST_RPS, Attempt, search


def made_by(limit_rps: float) -> list[Attempt]:
    return list(search(lambda rate_rps: Attempt(rate_rps, rate_rps, rate_rps <= limit_rps, 0.5, 0.1, 0.2)))


@pytest.mark.parametrize("limit_rps", [100, 1500, 2000, 2700, 9000])
def test_the_search_ends_close_below_the_ceiling(limit_rps: float) -> None:
    attempts = made_by(limit_rps)
    kept = max((attempt.offered_rps for attempt in attempts if attempt.in_time), default=0)
    refused = min(attempt.offered_rps for attempt in attempts if not attempt.in_time)
    assert kept <= limit_rps < refused
    assert refused - kept <= max(0.075 * kept, FIRST_RPS / 4) + 1e-6


@pytest.mark.integration
def test_ctrl_c_before_the_first_rate_is_over_says_so(wait_for_generator: Callable[[int], None]) -> None:
    argv = [sys.executable, "-m", "loadtest", "ceiling", "--duration", "60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for_generator(process.pid)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "Ended by hand.\n")
    assert "ceiling:" not in out
