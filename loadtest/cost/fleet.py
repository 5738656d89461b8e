"""What a deployment costs: instances of each part, and the share of one that Redis takes. Pure."""

import math
from dataclasses import dataclass

from loadtest.cost.per_million import usd_per_million

HOURS_PER_MONTH = 730
"""365 days × 24 hours / 12, as the clouds' own calculators have it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a deployment: a number of instances at a price each.

    The number is a share of one where the instance is shared.

    Raises:
        ValueError: a negative number or price.
    """

    name: str
    instances: float
    usd_per_instance_hour: float

    def __post_init__(self) -> None:
        if self.instances < 0 or self.usd_per_instance_hour < 0:
            raise ValueError(f"{self.name}: instances and their price must not be negative")

    @property
    def usd_per_hour(self) -> float:
        """US dollars per hour of the whole part."""
        return self.instances * self.usd_per_instance_hour


@dataclass(frozen=True, slots=True)
class Fleet:
    """All parts of a deployment."""

    parts: tuple[Part, ...]

    @property
    def usd_per_hour(self) -> float:
        """US dollars per hour: Σ instances × price."""
        return math.fsum(part.usd_per_hour for part in self.parts)

    @property
    def usd_per_month(self) -> float:
        """US dollars per month of 730 hours."""
        return self.usd_per_hour * HOURS_PER_MONTH

    def usd_per_million(self, texts_per_s: float) -> float:
        """US dollars for a million texts at the highest rate within the SLO, all parts paid.

        Raises:
            ValueError: a rate that is not positive.
        """
        return usd_per_million(self.usd_per_hour, texts_per_s)


def memory_share(needed_gib: float, instance_gib: float) -> float:
    """How many instances of `instance_gib` a part that needs `needed_gib` pays for.

    It is a share of one instance, or more than one.

    Raises:
        ValueError: a negative need, or an instance without memory.
    """
    if needed_gib < 0 or instance_gib <= 0:
        raise ValueError("the memory needed must not be negative, and an instance must have some")
    return needed_gib / instance_gib


def instances_for(replicas: int, per_instance: int) -> int:
    """Instances that `replicas` fill, `per_instance` on each."""
    return -(-replicas // per_instance)
