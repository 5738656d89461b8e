import pytest

from gateway.admission.retry_after import LONGEST_S, retry_after_s


@pytest.mark.parametrize(
    ("wait_s", "uniform", "seconds"),
    [(None, 0.0, 1), (None, 0.99, 1), (0.4, 0.0, 1), (0.4, 0.99, 2), (5.0, 0.0, 5), (5.0, 0.99, 10), (100.0, 0.999, 30)],
)
def test_retry_after_is_the_wait_spread_and_bounded(wait_s, uniform, seconds):
    assert retry_after_s(wait_s, uniform) == seconds


@pytest.mark.parametrize("wait_s", [20.0, 30.0, 1000.0])
def test_who_is_to_wait_long_does_not_come_back_at_the_same_time_either(wait_s):
    seconds = [retry_after_s(wait_s, number / 100) for number in range(100)]
    assert min(seconds) == 20
    assert max(seconds) == LONGEST_S
    assert max(map(seconds.count, seconds)) <= 10
