"""Assignment: (experiment, unit) → variant.

Pure; bucketing is GrowthBook's hash, version 2, so its SDKs agree.
"""

from dataclasses import dataclass

from fnv_hash_fast import fnv1a_32 as fnv1a_32_of_bytes

_OFFSET, _PRIME, _MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF
_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm: the version of a model that answers its units, and its share of covered units."""

    name: str
    model: str
    version: int
    weight: float


@dataclass(frozen=True, slots=True)
class Experiment:
    """A split of the traffic of `model` over versions of this model or of others.

    `model` is the one that clients ask for. The first variant is the control, which also answers
    the units that are not covered. `cache_bypass` is the share of the requests that no cache
    answers, so that latency and drift are measured unbiased.
    """

    key: str
    model: str
    seed: str
    coverage: float
    variants: tuple[Variant, ...]
    cache_bypass: float = 0.0

    @property
    def control(self) -> Variant:
        """The first variant."""
        return self.variants[0]


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


def assign(experiment: Experiment, unit: str) -> Variant | None:
    """The variant that a unit sees, or None where the experiment does not cover it.

    As GrowthBook's getBucketRanges: variant i owns [start, start + coverage · weight), where start
    is the sum of the weights before it.
    """
    place, start = bucket(experiment.seed, unit), 0.0
    for variant in experiment.variants:
        if start <= place < start + experiment.coverage * variant.weight:
            return variant
        start += variant.weight
    return None
