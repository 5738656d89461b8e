import pytest

from gateway.admission.aimd import AimdLimit, Outcome
from gateway.admission.limiter import MARGIN, Limiter
from gateway.admission.retry_after import retry_after_s
from gateway.errors import Overloaded
from gateway.request.priority import Priority

INTERACTIVE, BATCH = Priority


def limiter_of(limit, batch_share=0.5):
    return Limiter(AimdLimit(limit, limit, target_s=1.0), batch_share, uniform=lambda: 0.5)


def admit(limiter, permits, priority=INTERACTIVE, left_s=60.0, rate=None):
    limiter.admit(permits, priority, left_s, lambda ahead: None if rate is None else ahead / rate)


def test_whole_requests_are_shed_and_permits_come_back():
    limiter = limiter_of(3)
    admit(limiter, 2)
    with pytest.raises(Overloaded, match="2 texts wait for this version already, at most 3 may"):
        admit(limiter, 2)
    assert limiter.held == 2
    limiter.release(INTERACTIVE, Outcome.SUCCESS, 0.0, 0.1)
    admit(limiter, 2)
    assert limiter.held == 3


def test_an_idle_limiter_takes_a_request_of_any_size():
    limiter = limiter_of(3)
    admit(limiter, 64, left_s=0.001, rate=1.0)
    assert limiter.held == 64


def test_batch_work_is_shed_first():
    limiter = limiter_of(10)
    admit(limiter, 5)
    with pytest.raises(Overloaded, match="at most 5 may"):
        admit(limiter, 1, BATCH)
    admit(limiter, 5)
    assert limiter.held == 10


def test_what_could_not_be_answered_in_time_is_shed_and_told_when_it_could():
    limiter = limiter_of(1000)
    admit(limiter, 499, rate=100)
    admit(limiter, 1, left_s=MARGIN * 5.0, rate=100)
    with pytest.raises(Overloaded, match="for an answer in the 2000 ms allowed") as shed:
        admit(limiter, 100, left_s=2.0, rate=100)
    assert shed.value.retry_after_s == retry_after_s(MARGIN * 6.0 - 2.0, 0.5) == 9


def test_interactive_work_waits_for_interactive_work_only_and_batch_work_for_all():
    limiter = limiter_of(1000, batch_share=1.0)
    admit(limiter, 300, BATCH)
    admit(limiter, 100)
    admit(limiter, 100, left_s=MARGIN * 2.0, rate=100)
    with pytest.raises(Overloaded, match="ms allowed"):
        admit(limiter, 1, BATCH, left_s=5.0, rate=100)


def test_batch_work_that_had_to_wait_does_not_lower_the_limit():
    limiter = Limiter(AimdLimit(64, 1024, target_s=1.0), 0.5, uniform=lambda: 0.5)
    limiter.limit.value = 1000
    limiter.release(BATCH, Outcome.SUCCESS, 0.0, 60.0)
    assert limiter.limit.value == 1000
    limiter.release(INTERACTIVE, Outcome.SUCCESS, 0.0, 60.0)
    assert limiter.limit.value == 500


@pytest.mark.parametrize(
    ("wait_s", "uniform", "seconds"),
    [(None, 0.0, 1), (None, 0.99, 1), (0.4, 0.0, 1), (0.4, 0.99, 2), (5.0, 0.0, 5), (5.0, 0.99, 10), (100.0, 0.0, 30)],
)
def test_retry_after_is_the_wait_spread_and_bounded(wait_s, uniform, seconds):
    assert retry_after_s(wait_s, uniform) == seconds
