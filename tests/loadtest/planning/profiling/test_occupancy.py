"""How long calls hold an instance: Triton's seconds beside the time that passed."""

from types import SimpleNamespace
from typing import cast

import pytest

from loadtest.observation.triton_statistics import Batches
from loadtest.planning.profiling.gateway_metrics import GatewayUse
from loadtest.planning.profiling.occupancy import occupancy
from loadtest.planning.profiling.phases import Phase
from loadtest.results.results import Results

NONE = GatewayUse(None, None, None, 1)


def phase(request_texts: int, executions: int, seconds: float, elapsed_s: float = 10.0) -> Phase:
    results = cast("Results", SimpleNamespace(elapsed_s=elapsed_s))
    return Phase("", results, NONE, NONE, {1: Batches(executions, seconds)}, request_texts)


def test_the_fullest_phase_of_large_requests_counts():
    """Of 20 seconds of two instances 16 were computed at most, although calls always waited."""
    phases = [phase(1, 100, 12.0), phase(4, 100, 14.0), phase(16, 100, 16.0), phase(64, 100, 15.0)]
    assert occupancy(phases, 2) == pytest.approx(20 / 16)


@pytest.mark.parametrize("phases", [[], [phase(1, 100, 5.0), phase(2, 100, 5.0)], [phase(8, 4, 5.0)]])
def test_without_a_queue_nothing_is_known(phases):
    assert occupancy(phases, 2) == 1.0


def test_instances_are_not_taken_for_less_than_they_compute():
    """Triton counts calls that began before the phase."""
    assert occupancy([phase(8, 50, 20.4)], 2) == 1.0
