"""The demo's third step: a thousand units, each sent to a variant, against the weights."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadtest.demo.asking import RefusedError, ask
from loadtest.demo.goodness_of_fit import chi_square_p_value
from loadtest.demo.model import Experiment
from loadtest.target.client import Client

UNITS = 1000
UNITS_ASKED_AGAIN = 100


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


def split_units(client: Client, experiment: Experiment, text: str, on_progress: Callable[[str], None]) -> Split:
    """Send a request for each unit, and a second one for some of them.

    The second request of a unit must meet the same variant as the first.

    Raises:
        RefusedError: a request was refused, or a unit changed its variant.
    """
    units = [f"user-{number}" for number in range(UNITS)]
    variants: dict[str, str] = {}
    for done, unit in enumerate(units):
        if done % 50 == 0:
            on_progress(f"{done} of {UNITS} units asked")
        variants[unit] = ask(client, text, unit).variant
    for unit in units[:UNITS_ASKED_AGAIN]:
        if (again := ask(client, text, unit).variant) != variants[unit]:
            raise RefusedError(f"{unit} was sent to {variants[unit]}, then to {again}.")
    counts = Counter(variants.values())
    total = sum(variant.weight for variant in experiment.variants)
    arms = [Arm(variant.name, variant.version, variant.weight / total, counts[variant.name]) for variant in experiment.variants]
    return Split(experiment.key, arms, chi_square_p_value([arm.units for arm in arms], [arm.weight for arm in arms]))
