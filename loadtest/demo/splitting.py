"""The demo's third step: a thousand units, each with a document of its own.

Each is sent to a variant, and the gateway is told whether the answer was right.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadtest.demo.asking import RefusedError, ask
from loadtest.demo.goodness_of_fit import chi_square_p_value
from loadtest.demo.model import Experiment
from loadtest.demo.outcomes import Judged, tell
from loadtest.demo.predictions import Example
from loadtest.target.client import Client

UNITS = 1000
UNITS_ASKED_AGAIN = 100
BATCH = 50


@dataclass(frozen=True, slots=True)
class Arm:
    """A variant: its version, its share of the weights, and how many units were sent to it."""

    name: str
    version: int
    weight: float
    units: int


@dataclass(frozen=True, slots=True)
class Split:
    """The variants of an experiment.

    `p_value` says how plausible their counts are under the weights (chi-square).
    """

    experiment: str
    arms: Sequence[Arm]
    p_value: float

    @property
    def units(self) -> int:
        """How many units were asked for."""
        return sum(arm.units for arm in self.arms)


def split_units(client: Client, experiment: Experiment, examples: Sequence[Example], on_progress: Callable[[str], None]) -> Split:
    """Send a request for each unit and judge its answer, and a second request for some of them.

    The second request of a unit must meet the same variant as the first.

    Raises:
        RefusedError: a request was refused, or a unit changed its variant.
    """
    asked = [(f"user-{number}", examples[number % len(examples)]) for number in range(UNITS)]
    variants: dict[str, str] = {}
    for start in range(0, UNITS, BATCH):
        on_progress(f"{start} of {UNITS} units asked")
        judged = []
        for unit, example in asked[start : start + BATCH]:
            answer = ask(client, example.text, unit)
            variants[unit] = answer.variant
            judged.append(Judged(unit, answer.label == example.label))
        tell(client, judged)
    for unit, example in asked[:UNITS_ASKED_AGAIN]:
        if (again := ask(client, example.text, unit).variant) != variants[unit]:
            raise RefusedError(f"{unit} was sent to {variants[unit]}, then to {again}.")
    counts = Counter(variants.values())
    total = sum(variant.weight for variant in experiment.variants)
    arms = [Arm(variant.name, variant.version, variant.weight / total, counts[variant.name]) for variant in experiment.variants]
    return Split(experiment.key, arms, chi_square_p_value([arm.units for arm in arms], [arm.weight for arm in arms]))
