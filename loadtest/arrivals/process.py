"""The arrival processes of an open loop.

Each gives the intended starts in seconds from the beginning of the loop, ascending. Equal seeds
give equal starts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from random import Random
from typing import ClassVar, Protocol

from loadtest.arrivals import curve, recorded
from loadtest.arrivals.curve import RateCurve

SPACINGS = ("poisson", "even")


class ArrivalsError(ValueError):
    """Arrivals that cannot be made as asked; the message names the field and its bounds."""


class Arrivals(Protocol):
    """An arrival process, and its name."""

    process: ClassVar[str]

    def starts(self, seed: int, duration_s: float) -> Iterator[float]:
        """The intended starts before `duration_s`."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Equally spaced arrivals."""

    rate_rps: float
    process: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        _require(rate_rps=self.rate_rps)

    def starts(self, seed: int, duration_s: float) -> Iterator[float]:
        """The intended starts; the seed changes nothing."""
        return _under(curve.constant(self.rate_rps), "even", seed, duration_s)


@dataclass(frozen=True, slots=True)
class Poisson:
    """Independent arrivals, as from many users who know nothing of each other: exponential gaps."""

    rate_rps: float
    process: ClassVar[str] = "poisson"

    def __post_init__(self) -> None:
        _require(rate_rps=self.rate_rps)

    def starts(self, seed: int, duration_s: float) -> Iterator[float]:
        """The intended starts."""
        return _under(curve.constant(self.rate_rps), "poisson", seed, duration_s)


@dataclass(frozen=True, slots=True)
class Ramp:
    """A rate that goes from one to another over the whole duration, in a straight line."""

    from_rps: float
    to_rps: float
    spacing: str = "poisson"
    process: ClassVar[str] = "ramp"

    def __post_init__(self) -> None:
        _require(self.spacing, to_rps=self.to_rps)
        if self.from_rps < 0:
            raise ArrivalsError("from_rps must not be negative")

    def starts(self, seed: int, duration_s: float) -> Iterator[float]:
        """The intended starts."""
        return _under(curve.ramp(self.from_rps, self.to_rps, duration_s), self.spacing, seed, duration_s)


@dataclass(frozen=True, slots=True)
class Step:
    """One rate after the other, each for an equal part of the duration."""

    rates_rps: tuple[float, ...]
    spacing: str = "poisson"
    process: ClassVar[str] = "step"

    def __post_init__(self) -> None:
        if not self.rates_rps:
            raise ArrivalsError("rates_rps must name one rate at least")
        for rate_rps in self.rates_rps:
            _require(self.spacing, rates_rps=rate_rps)

    def starts(self, seed: int, duration_s: float) -> Iterator[float]:
        """The intended starts."""
        return _under(curve.steps(self.rates_rps, duration_s / len(self.rates_rps)), self.spacing, seed, duration_s)


@dataclass(frozen=True, slots=True)
class Spike:
    """A rate with one sudden peak, from `at_s` for `for_s` seconds."""

    rate_rps: float
    peak_rps: float
    at_s: float
    for_s: float
    spacing: str = "poisson"
    process: ClassVar[str] = "spike"

    def __post_init__(self) -> None:
        _require(self.spacing, rate_rps=self.rate_rps, peak_rps=self.peak_rps, for_s=self.for_s)
        if self.at_s < 0:
            raise ArrivalsError("at_s must not be negative")

    def starts(self, seed: int, duration_s: float) -> Iterator[float]:
        """The intended starts."""
        return _under(curve.spike(self.rate_rps, self.peak_rps, self.at_s, self.for_s), self.spacing, seed, duration_s)


@dataclass(frozen=True, slots=True)
class Diurnal:
    """The curve of a day around a mean rate, from the trough at night to the peak at noon.

    Without `period_s` the duration is one day.
    """

    rate_rps: float
    peak_to_mean: float = 1.6
    period_s: float | None = None
    spacing: str = "poisson"
    process: ClassVar[str] = "diurnal"

    def __post_init__(self) -> None:
        _require(self.spacing, rate_rps=self.rate_rps, period_s=1.0 if self.period_s is None else self.period_s)
        if not 1 <= self.peak_to_mean <= 2:
            raise ArrivalsError("peak_to_mean must be between 1 and 2: beyond, the trough would be below 0")

    def starts(self, seed: int, duration_s: float) -> Iterator[float]:
        """The intended starts."""
        day = curve.diurnal(self.rate_rps, self.peak_to_mean, self.period_s or duration_s, duration_s)
        return _under(day, self.spacing, seed, duration_s)


@dataclass(frozen=True, slots=True)
class Trace:
    """Recorded arrivals from a file that `python -m loadtest capture` wrote.

    They are replayed at `speed` times the speed at which they came.
    """

    path: Path
    speed: float = 1.0
    process: ClassVar[str] = "trace"

    def __post_init__(self) -> None:
        _require(speed=self.speed)

    def starts(self, seed: int, duration_s: float) -> Iterator[float]:
        """The intended starts; the seed changes nothing.

        Raises:
            TraceError: the file cannot be used.
        """
        return takewhile(lambda start_s: start_s < duration_s, (row.start_s / self.speed for row in recorded.read_trace(self.path)))


PROCESSES = {kind.process: kind for kind in (Constant, Poisson, Ramp, Step, Spike, Diurnal, Trace)}


def _require(spacing: str = SPACINGS[0], **positive: float) -> None:
    for name, value in positive.items():
        if not 0 < value < float("inf"):
            raise ArrivalsError(f"{name} must be more than 0, not {value:g}")
    if spacing not in SPACINGS:
        raise ArrivalsError(f"spacing must be one of {', '.join(SPACINGS)}, not {spacing!r}")


def _under(rate: RateCurve, spacing: str, seed: int, duration_s: float) -> Iterator[float]:
    """The arrivals of a process whose rate follows a curve.

    Each point of a unit-rate process becomes the time at which the curve's expected count reaches
    it (the time change of an inhomogeneous process).
    """
    counts = map(float, count()) if spacing == "even" else _unit_poisson(seed)
    return takewhile(lambda start_s: start_s < duration_s, map(rate.when, counts))


def _unit_poisson(seed: int) -> Iterator[float]:
    random = Random(f"{seed} arrivals")  # noqa: S311 - reproducible, not secret
    total = 0.0
    while True:
        total += random.expovariate(1.0)
        yield total
