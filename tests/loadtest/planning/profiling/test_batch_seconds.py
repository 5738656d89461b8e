"""Seconds of batches by their size, from batches that a gateway cut and joined by cost."""

from typing import cast

import pytest

from loadtest.observation.triton_statistics import Batches
from loadtest.planning.profiling.batch_seconds import seconds_by_size
from loadtest.planning.profiling.gateway_metrics import GatewayUse
from loadtest.planning.profiling.phases import Phase
from loadtest.results.results import Results

UNREAD = cast("Results", None)
NONE = GatewayUse(None, None, None, 1)


def phase(request_texts: int, **batches: tuple[int, float]) -> Phase:
    found = {int(size.removeprefix("of_")): Batches(*batch) for size, batch in batches.items()}
    return Phase(f"requests of {request_texts}", UNREAD, NONE, NONE, found, request_texts)


def test_batches_of_the_size_of_the_requests_have_their_own_seconds():
    phases = [phase(1), phase(1, of_1=(50, 2.0)), phase(2, of_2=(20, 1.0)), phase(4, of_4=(10, 0.7)), phase(8, of_8=(10, 0.9))]
    assert seconds_by_size(phases) == {1: pytest.approx(0.04), 2: pytest.approx(0.05), 4: pytest.approx(0.07), 8: pytest.approx(0.09)}


def test_short_texts_that_were_joined_do_not_make_batches_as_fast_as_single_texts():
    """A text costs 10 ms or 70 ms; the gateway sends long ones alone and two short ones together.

    By the size of batches, two texts (20 ms) would be faster than one (70 ms). Really an instance
    does 25 texts a second, whatever comes together.
    """
    mixed = {"of_1": (50, 50 * 0.070), "of_2": (25, 25 * 0.020)}
    phases = [phase(1, of_1=(100, 4.0)), *(phase(size, **mixed) for size in (2, 4, 8))]
    seconds = seconds_by_size(phases)
    assert seconds[1] == pytest.approx(0.040)
    assert max(size / taken for size, taken in seconds.items()) == pytest.approx(25)


def test_no_batch_is_larger_than_those_that_were_sent():
    """Requests of 64 texts came as calls of 6 on average."""
    phases = [phase(1, of_1=(50, 2.0)), phase(2, of_1=(40, 1.6)), phase(64, of_4=(10, 1.2), of_8=(10, 2.4))]
    seconds = seconds_by_size(phases)
    assert list(seconds) == [1, 2, 4, 6]
    assert seconds[6] == pytest.approx(0.18)
    assert seconds[2] == pytest.approx(0.04 + (0.18 - 0.04) / 5)


def test_no_batch_is_reported_as_faster_than_a_smaller_one():
    phases = [phase(1, of_1=(50, 2.0)), phase(2, of_2=(20, 0.6)), phase(4, of_4=(10, 0.5))]
    assert seconds_by_size(phases) == {1: 0.04, 2: 0.04, 4: pytest.approx(0.05)}


@pytest.mark.parametrize("phases", [[], [phase(1)], [phase(1, of_1=(4, 1.0)), phase(2, of_2=(50, 1.0))], [phase(2, of_2=(50, 1.0))]])
def test_no_batches_are_told_without_single_texts(phases):
    assert seconds_by_size(phases) == {}


def test_a_phase_of_few_batches_is_left_out():
    assert seconds_by_size([phase(1, of_1=(50, 2.0)), phase(64, of_64=(4, 8.0))]) == {1: 0.04}
