"""Which numbers are kept of a unit, and which sums of an arm, for an experiment's metrics. Pure.

A unit's values are whole numbers: the features of its requests, then what its declared metrics
need. Values of outcomes are kept to a millionth. What is kept is a function of the definition
alone, and a digest of it stands in the names, so that values of other layouts never mix. All epochs
of an experiment have the same digest, since its metrics stay.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from gateway.experiments.definition import Definition, Metric
from gateway.measurement.features import DENOMINATORS, FEATURES, SCALES

MILLIONTHS: Final = 10**6
MIN_COHORT_S, MAX_COHORT_S, COHORTS_A_WINDOW = 60, 86_400, 8
FOR_EVER, BEFORE = 0, -1
"""In place of a window in seconds: there is none; only what is from before the exposure counts."""


class Slot(NamedTuple):
    """A value of a unit beside its features.

    It takes the outcomes of the name `outcome`, else the feature at the index `feature`, from
    within `window` seconds after the first exposure. A `flag` says whether there was one that is
    not 0 or, with a threshold, above it; `count` is how many there were; `total` is their sum.
    """

    outcome: str | None
    feature: int | None
    kind: str
    window: int
    threshold: float | None = None


class Sum(NamedTuple):
    """What is summed over the units of an arm: x, and y and z where their indexes are not None.

    x is a unit's value at that index, at most `cap`; with `indicator` whether it is not 0. y is the
    denominator, z the covariate. `scales` divide x, y and z. `window` is in seconds, `FOR_EVER`
    without one.
    """

    name: str
    x: int
    y: int | None = None
    z: int | None = None
    indicator: bool = False
    cap: int | None = None
    window: int = FOR_EVER
    scales: tuple[int, int, int] = (1, 1, 1)


@dataclass(frozen=True)
class Layout:
    """The values of a unit and the sums of an arm.

    `features` are the first values of a unit, then come the `slots`. The sums of `metrics` stand
    behind those of the features that are always kept. `thresholds_s` are latencies that declared
    metrics count the requests above, in the bypass sample only where `sampled`. `unmeasured` are
    the declared metrics that nothing is known about, with the reason.
    """

    variants: tuple[str, ...]
    thresholds_s: tuple[float, ...]
    sampled: bool
    slots: tuple[Slot, ...]
    sums: tuple[Sum, ...]
    unmeasured: dict[str, str]

    @property
    def features(self) -> int:
        """How many values of a unit are features of its requests."""
        return len(FEATURES) + len(self.thresholds_s)

    @property
    def size(self) -> int:
        """How many values a unit has."""
        return self.features + len(self.slots)

    @property
    def metrics(self) -> tuple[Sum, ...]:
        """The sums of the declared metrics."""
        return self.sums[len(FEATURES) :]

    @cached_property
    def cohort_s(self) -> int:
        """Units are summed apart by their first exposure, in spans of so many seconds.

        So it is known which of them have matured.
        """
        windows = [one.window for one in self.sums if one.window > 0]
        return max(MIN_COHORT_S, min(MAX_COHORT_S, min(windows) // COHORTS_A_WINDOW)) if windows else MAX_COHORT_S

    @cached_property
    def digest(self) -> str:
        """What tells this layout from those that measure something else."""
        return blake2b(orjson.dumps(self._shape()), digest_size=4).hexdigest()

    @cached_property
    def argument(self) -> dict[str, Any]:
        """What a script is told of the layout; indexes begin with 1, and 0 stands for none."""
        return {
            "size": self.size,
            "cohort_s": self.cohort_s,
            "slots": [[place, slot.feature + 1, slot.window] for place, slot in self._placed() if slot.feature is not None],
            "sums": [[one.x + 1, _place(one.y), _place(one.z), int(one.indicator), one.cap or 0, one.window] for one in self.sums],
        }

    def outcome(self, name: str, value: float) -> list[tuple[int, int, int, int]]:
        """What an outcome does to a unit's values; empty where no metric needs it.

        Of each value: (index from 1, amount, whether it is a flag, window).
        """
        return [
            (place, amount, int(slot.kind == "flag"), slot.window)
            for place, slot in self._placed()
            if slot.outcome == name and (amount := _amount(slot, value))
        ]

    def takes(self, name: str) -> bool:
        """Whether some metric needs outcomes of this name."""
        return any(slot.outcome == name for slot in self.slots)

    def _placed(self) -> Iterable[tuple[int, Slot]]:
        return enumerate(self.slots, self.features + 1)

    def _shape(self) -> list[Any]:
        return [self.thresholds_s, self.sampled, [tuple(slot) for slot in self.slots], [one[1:] for one in self.sums]]


def layout_of(definition: Definition, variants: Sequence[str] | None = None) -> Layout:
    """The layout for an experiment's definition; an earlier epoch may have had other `variants`."""
    return _Plan(definition).layout(variants or [variant.name for variant in definition.variants])


class _Plan:
    """A layout in the making."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._sample = "bypass_" if definition.cache_bypass else ""
        given = {metric.threshold for metric in definition.metrics if metric.source == "request" and metric.threshold is not None}
        self._thresholds_s = tuple(sorted(given))
        self._first_slot = len(FEATURES) + len(self._thresholds_s)
        self._slots: list[Slot] = []
        self._unmeasured: dict[str, str] = {}

    def layout(self, variants: Sequence[str]) -> Layout:
        sums = [*_of_features(), *self._of_metrics(self._definition.metrics)]
        return Layout(tuple(variants), self._thresholds_s, bool(self._sample), tuple(self._slots), tuple(sums), self._unmeasured)

    def _of_metrics(self, metrics: Iterable[Metric]) -> Iterable[Sum]:
        for metric in metrics:
            try:
                yield self._of_request(metric) if metric.source == "request" else self._of_outcome(metric)
            except LookupError as exc:
                self._unmeasured[metric.name] = str(exc.args[0])

    def _of_request(self, metric: Metric) -> Sum:
        name = metric.name
        if metric.kind == "share-over-threshold":
            name = f"{self._sample}slow"
            feature = FEATURES.index(name) if metric.threshold is None else len(FEATURES) + self._thresholds_s.index(metric.threshold)
        else:
            feature = _feature(name)
        scale = SCALES.get(name, 1)
        denominator = _feature(metric.denominator or DENOMINATORS.get(name, "requests")) if metric.kind == "ratio" else None
        return self._sum(metric, self._windowed(feature, metric), scale, denominator)

    def _of_outcome(self, metric: Metric) -> Sum:
        if metric.kind in ("binary", "share-over-threshold"):
            return self._sum(metric, self._slot(Slot(metric.name, None, "flag", _window(metric), metric.threshold)), 1, None)
        x = self._slot(Slot(metric.name, None, "total", _window(metric)))
        if metric.kind == "mean":
            return self._sum(metric, x, MILLIONTHS, None)
        if metric.denominator is None:
            return self._sum(metric, x, MILLIONTHS, None, self._slot(Slot(metric.name, None, "count", _window(metric))))
        if metric.denominator in FEATURES:
            return self._sum(metric, x, MILLIONTHS, FEATURES.index(metric.denominator))
        y = self._slot(Slot(metric.denominator, None, "total", _window(metric)))
        return self._sum(metric, x, MILLIONTHS, None, y, MILLIONTHS)

    def _sum(self, metric: Metric, x: int, x_scale: int, feature: int | None, slot: int | None = None, slot_scale: int = 1) -> Sum:
        """The sum of a metric; its denominator is a feature, a slot, or there is none."""
        y, y_scale = slot, slot_scale
        if feature is not None:
            y, y_scale = self._windowed(feature, metric), SCALES.get(FEATURES[feature], 1)
        z = None if metric.covariate is None else self._slot(Slot(metric.covariate, None, "total", BEFORE))
        indicator = metric.kind in ("binary", "share-over-threshold")
        cap = None if metric.cap is None or indicator else max(1, round(metric.cap * x_scale))
        scales = (1 if indicator else x_scale, y_scale, MILLIONTHS)
        return Sum(metric.name, x, y, z, indicator, cap, _window(metric), scales)

    def _windowed(self, feature: int, metric: Metric) -> int:
        """The index of a feature, or of the slot that counts it within the metric's window."""
        if metric.window is None:
            return feature
        return self._slot(Slot(None, feature, "total", _window(metric)))

    def _slot(self, slot: Slot) -> int:
        if slot not in self._slots:
            self._slots.append(slot)
        return self._first_slot + self._slots.index(slot)


def _of_features() -> Iterable[Sum]:
    """The sums that are always kept: each feature, for each of what it is counted."""
    for i, name in enumerate(FEATURES):
        of = None if name in ("requests", "bypass_requests") else DENOMINATORS.get(name, "requests")
        yield Sum(name, i, None if of is None else FEATURES.index(of), scales=(SCALES.get(name, 1), 1, 1))


def _feature(name: str) -> int:
    if name not in FEATURES:
        raise LookupError(f"requests have no {name}; they have {', '.join(FEATURES)}")
    return FEATURES.index(name)


def _window(metric: Metric) -> int:
    return FOR_EVER if metric.window is None else max(1, round(metric.window))


def _amount(slot: Slot, value: float) -> int:
    if slot.kind == "total":
        return round(value * MILLIONTHS)
    if slot.kind == "count":
        return 1
    return int(value != 0 if slot.threshold is None else value > slot.threshold)


def _place(index: int | None) -> int:
    return 0 if index is None else index + 1
