import pytest

from gateway.admission.retry_after import retry_after_s


@pytest.mark.parametrize(
    ("wait_s", "uniform", "seconds"),
    [(None, 0.0, 1), (None, 0.99, 1), (0.4, 0.0, 1), (0.4, 0.99, 2), (5.0, 0.0, 5), (5.0, 0.99, 10), (100.0, 0.0, 30)],
)
def test_retry_after_is_the_wait_spread_and_bounded(wait_s, uniform, seconds):
    assert retry_after_s(wait_s, uniform) == seconds
