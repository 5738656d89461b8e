import pytest

from gateway.statistics import normal_mixture
from gateway.statistics.guardrail import UnitsWithEvent, Verdict, judge_events, judge_mean

RHO2 = normal_mixture.tuning(10_000, 0.05, one_sided=True)


def errors(control, treatment, units=(10_000, 10_000), **options):
    pair = [UnitsWithEvent(events, of) for events, of in zip((control, treatment), units, strict=True)]
    return judge_events(*pair, share=units[1] / sum(units), **options)


def test_more_errors_are_harmful():
    found = errors(100, 180)
    assert found.verdict is Verdict.HARMFUL
    assert found.p_value <= 0.05
    assert found.missing_units == 0


def test_harm_within_the_margin_is_not_harmful():
    assert errors(100, 180, margin=0.02).verdict is Verdict.SAFE
    assert errors(100, 500, margin=0.02).verdict is Verdict.HARMFUL


def test_no_errors_at_all_are_safe_with_a_margin():
    assert errors(0, 0, margin=0.01).verdict is Verdict.SAFE


def test_too_few_units_wait_and_say_how_many_are_missing():
    waiting = errors(2, 2, units=(200, 200), margin=0.01)
    assert waiting.verdict is Verdict.NOT_ENOUGH_KNOWN
    more = 400 + waiting.missing_units
    assert errors(more * 0.005, more * 0.005, units=(more / 2, more / 2), margin=0.01).verdict is Verdict.SAFE
    fewer = 400 + 0.95 * waiting.missing_units
    assert errors(fewer * 0.005, fewer * 0.005, units=(fewer / 2, fewer / 2), margin=0.01).verdict is Verdict.NOT_ENOUGH_KNOWN


def test_without_a_margin_no_number_of_units_is_enough():
    assert errors(20, 20).verdict is Verdict.NOT_ENOUGH_KNOWN
    assert errors(20, 20).missing_units is None


def test_without_units_nothing_is_known():
    nothing = judge_events(UnitsWithEvent(0, 0), UnitsWithEvent(0, 10), share=0.5, margin=0.1)
    assert (nothing.verdict, nothing.p_value) == (Verdict.NOT_ENOUGH_KNOWN, 1)


def test_fewer_good_events_are_harmful():
    assert errors(500, 350, direction="increase").verdict is Verdict.HARMFUL
    assert errors(350, 500, direction="increase").verdict is Verdict.SAFE
    assert errors(350, 400, direction="increase").verdict is Verdict.NOT_ENOUGH_KNOWN


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
def test_the_p_value_with_a_margin_agrees_with_the_verdict(alpha):
    found = errors(100, 350, margin=0.01, alpha=alpha)
    assert (found.p_value <= alpha) == (found.verdict is Verdict.HARMFUL) == (found.harm.low > 0.01)


@pytest.mark.parametrize(
    ("difference", "direction", "verdict"),
    [
        (9.0, "decrease", "harmful"),
        (-9.0, "decrease", "safe"),
        (-9.0, "increase", "harmful"),
        (0.0, "decrease", "safe"),
        (2.0, "decrease", "not enough known"),
    ],
)
def test_means(difference, direction, verdict):
    assert judge_mean(difference, 1.0, 5000, rho2=RHO2, direction=direction, margin=4.0).verdict == verdict


def test_the_missing_units_of_a_mean_would_be_enough():
    waiting = judge_mean(0.0, 1.0, 1000, rho2=RHO2, direction="decrease", margin=1.0)
    units = 1000 + waiting.missing_units
    error = (1000 / units) ** 0.5
    assert judge_mean(0.0, error, units, rho2=RHO2, direction="decrease", margin=1.0).verdict is Verdict.SAFE


def test_a_mean_without_a_margin_waits_for_ever():
    assert judge_mean(0.0, 1.0, 1000, rho2=RHO2, direction="decrease").missing_units is None


def test_the_p_value_of_a_mean_agrees_with_the_verdict():
    for difference in (2.9, 3.4, 4.0, 5.0):
        found = judge_mean(difference, 1.0, 5000, rho2=RHO2, direction="decrease", margin=0.5)
        assert (found.p_value <= 0.05) == (found.verdict is Verdict.HARMFUL)
