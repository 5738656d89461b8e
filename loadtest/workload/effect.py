"""A planted effect: how often units of each variant have an outcome.

So the whole path from assignment to results can be shown to find what is there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

PERIOD = 2**64


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of a variant's units that have the outcome."""

    variant: str
    rate: float

    def __post_init__(self) -> None:
        if not (0 <= self.rate <= 1) or math.isnan(self.rate):
            raise ValueError(f"the rate of {self.variant} must be between 0 and 1")


@dataclass(frozen=True, slots=True)
class Effect:
    """Outcomes of a binary `metric` in an `experiment`; the first rate is the control's."""

    experiment: str
    metric: str
    rates: tuple[Rate, ...]

    def __post_init__(self) -> None:
        if len(self.rates) < 2:
            raise ValueError("effect.rates must name the control and another variant")

    @property
    def planted(self) -> Mapping[str, float]:
        """The difference of each variant to the control."""
        control, *others = self.rates
        return {one.variant: one.rate - control.rate for one in others}

    def happens(self, unit: str, variant: str) -> bool:
        """Whether a unit in a variant has the outcome: always the same for a unit."""
        drawn = int.from_bytes(blake2b(f"{self.experiment}\n{self.metric}\n{unit}".encode(), digest_size=8).digest()) / PERIOD
        return any(one.variant == variant and drawn < one.rate for one in self.rates)


def arm_in(headers: Mapping[str, str], experiment: str) -> str:
    """The variant of an experiment that an answer's headers name; "" where they do not."""
    experiments, variants = ((headers.get(name) or "").split(", ") for name in ("X-Experiment", "X-Variant"))
    return dict(zip(experiments, variants, strict=False)).get(experiment, "")


def parse_effect(text: str) -> dict[str, object]:
    """The fields of `EXPERIMENT:METRIC:VARIANT=RATE,…`.

    Raises:
        ValueError: the text has another form.
    """
    parts = text.split(":")
    try:
        experiment, metric, rates = parts
        pairs = [rate.partition("=") for rate in rates.split(",")]
        return {
            "experiment": experiment,
            "metric": metric,
            "rates": [{"variant": variant.strip(), "rate": float(rate)} for variant, _, rate in pairs],
        }
    except ValueError:
        raise ValueError(f"--effect must be like topics-lora:click:control=0.10,treatment=0.12, not {text!r}") from None
