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
