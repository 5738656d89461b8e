"""Planted effects: whose units have outcomes, and how they are written."""

import pytest

from loadtest.workload.effect import Effect, Rate, arm_in, parse_effect

EFFECT = Effect("lora", "click", (Rate("control", 0.1), Rate("treatment", 0.4)))


@pytest.mark.parametrize(("variant", "rate"), [("control", 0.1), ("treatment", 0.4), ("other", 0.0)])
def test_such_a_share_of_a_variants_units_has_the_outcome(variant: str, rate: float) -> None:
    happened = [EFFECT.happens(f"unit-{number}", variant) for number in range(20_000)]
    assert abs(sum(happened) / len(happened) - rate) < 0.01
    assert happened == [EFFECT.happens(f"unit-{number}", variant) for number in range(20_000)]


def test_another_metric_draws_other_units() -> None:
    other = Effect("lora", "buy", EFFECT.rates)
    both = sum(EFFECT.happens(f"unit-{n}", "treatment") and other.happens(f"unit-{n}", "treatment") for n in range(20_000)) / 20_000
    assert abs(both - 0.16) < 0.02


@pytest.mark.parametrize(
    ("experiment", "variant", "wanted"),
    [("lora", "treatment", "treatment"), ("other", "treatment", ""), ("other, lora", "a, treatment", "treatment"), (None, None, "")],
)
def test_the_arm_is_that_of_the_experiment(experiment: str | None, variant: str | None, wanted: str) -> None:
    headers = {name: value for name, value in (("X-Experiment", experiment), ("X-Variant", variant)) if value is not None}
    assert arm_in(headers, "lora") == wanted


def test_it_is_written_on_the_command_line() -> None:
    assert parse_effect("lora:click:control=0.1, treatment=0.4") == {
        "experiment": "lora",
        "metric": "click",
        "rates": [{"variant": "control", "rate": 0.1}, {"variant": "treatment", "rate": 0.4}],
    }


@pytest.mark.parametrize("text", ["", "lora", "lora:click", "lora:click:control", "lora:click:control=much", "a:b:c:d=1"])
def test_another_form_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="must be like topics-lora:click:control"):
        parse_effect(text)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Rate("control", rate)


def test_an_effect_needs_two_variants() -> None:
    with pytest.raises(ValueError, match="the control and another variant"):
        Effect("lora", "click", (Rate("control", 0.1),))
