"""Assignment: (experiment, unit, attributes) → variant.

Pure; the steps and the hash are GrowthBook's, so its SDKs agree.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from fnv_hash_fast import fnv1a_32 as fnv1a_32_of_bytes

from gateway.experiments.condition import NO_ATTRIBUTES, Attributes, Condition

_OFFSET, _PRIME, _MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF
_BUCKETS, _NAMESPACE_BUCKETS = 10_000, 1_000
UNIT_ID = "id"
"""The attribute that X-Unit-ID names."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm: the version of a model that answers its units, and its share of covered units.

    It also computes a share `shadow` of the requests that other variants answer.
    """

    name: str
    model: str
    version: int
    weight: float
    shadow: float = 0.0


@dataclass(frozen=True, slots=True)
class Namespace:
    """Units whose place is in [start, end); experiments whose ranges do not overlap share none."""

    name: str
    start: float
    end: float

    def holds(self, unit: str) -> bool:
        """Whether a unit is in the range, by GrowthBook's hash, version 1."""
        return self.start <= fnv1a_32(f"{unit}__{self.name}") % _NAMESPACE_BUCKETS / _NAMESPACE_BUCKETS < self.end


class Stay(NamedTuple):
    """The variant that a unit stays in, and the epoch that it counts in; None: in none."""

    variant: Variant
    epoch: int | None


class Assigned(Protocol):
    """The units that an experiment assigned in earlier epochs; it is read without waiting."""

    def stay(self, unit_hash: bytes) -> Stay | None:
        """Where a unit stays; None where it is assigned anew."""


class Range(NamedTuple):
    """The units of a variant are those whose place is in [start, end)."""

    start: float
    end: float
    variant: Variant


@dataclass(frozen=True, slots=True)
class Experiment:
    """A split of the traffic of `model` over versions of this model or of others.

    `model` is the one that clients ask for. The first variant is the control, which also answers
    the units that do not take part. `cache_bypass` is the share of the requests that no cache
    answers, so that latency and drift are measured unbiased. Units stay in the variant that they
    have in `assigned`; those in `forced`, by name, have it without being counted.
    """

    key: str
    model: str
    seed: str
    coverage: float
    variants: tuple[Variant, ...]
    cache_bypass: float = 0.0
    unit_attribute: str = UNIT_ID
    condition: Condition | None = None
    namespace: Namespace | None = None
    forced: Mapping[str, str] = field(default_factory=dict)
    epoch: int = 1
    assigned: Assigned | None = field(default=None, compare=False, repr=False)
    ranges: tuple[Range, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranges", tuple(_ranges(self.coverage, self.variants)))

    @property
    def control(self) -> Variant:
        """The first variant."""
        return self.variants[0]

    def named(self, name: str | None) -> Variant | None:
        """The variant of a name; None where there is none."""
        return next((variant for variant in self.variants if variant.name == name), None)

    def stay(self, unit_hash: bytes) -> Stay | None:
        """Where a unit that was assigned in an earlier epoch stays, whatever namespace, condition
        and coverage say now (GrowthBook's sticky buckets). Without any coverage it stays nowhere.
        """
        return self.assigned.stay(unit_hash) if self.assigned is not None and self.coverage > 0 else None


def _ranges(coverage: float, variants: tuple[Variant, ...]) -> Iterator[Range]:
    """As GrowthBook's getBucketRanges: each variant's range begins where the weights before it end.

    More coverage only moves the ends, so that no unit changes its variant.
    """
    start = 0.0
    for variant in variants:
        yield Range(start, start + coverage * variant.weight, variant)
        start += variant.weight


def fnv1a_32(text: str) -> int:
    """FNV-1a, 32 bits, over the UTF-16 code units of `text`, as GrowthBook's SDKs compute it."""
    if text.isascii():
        return fnv1a_32_of_bytes(text.encode())
    value = _OFFSET
    for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"):
        value = ((value ^ unit) * _PRIME) & _MASK
    return value


def bucket(seed: str, unit: str) -> float:
    """Where a unit falls in [0, 1), in steps of 1/10,000 (GrowthBook's hash, version 2)."""
    return fnv1a_32(str(fnv1a_32(seed + unit))) % _BUCKETS / _BUCKETS


def assign(experiment: Experiment, unit: str, attributes: Attributes = NO_ATTRIBUTES) -> Variant | None:
    """The variant that a unit is assigned to, or None where it does not take part.

    Forced variants, and those that units stay in, are not looked at.
    """
    if experiment.namespace is not None and not experiment.namespace.holds(unit):
        return None
    if experiment.condition is not None and not experiment.condition.holds(attributes):
        return None
    place = bucket(experiment.seed, unit)
    for start, end, variant in experiment.ranges:
        if start <= place < end:
            return variant
    return None
