"""What an evaluation finds, as values; `document` makes the JSON that clients read."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.statistics.comparison import Comparison
from gateway.statistics.decision import Decision
from gateway.statistics.guardrail import Guardrail
from gateway.statistics.interval import Interval

if TYPE_CHECKING:
    from gateway.evaluation.fixed_horizon import FixedHorizon


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether the variants got the shares of units that they should.

    `p_value` is the least of all looks, `chi_square` the usual test's for this look alone. The
    `causes` say where a mismatch may come from.
    """

    ok: bool
    p_value: float
    chi_square: float
    causes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"ok": self.ok, "p_value": self.p_value, "chi_square_p_value": self.chi_square, "causes": list(self.causes)}


@dataclass(frozen=True, slots=True)
class VariantCount:
    """How much of the traffic a variant got, in all epochs.

    `planned_share` is the share of the units that the epochs' weights give it; None without units.
    `anonymous` requests had no unit; each is a unit of its own, and stands apart.
    """

    name: str
    units: int
    planned_share: float | None
    requests: int
    anonymous: int
    fallbacks: int
    errors: int
    sheds: int
    hit_share: float | None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        names = ("name", "units", "planned_share", "requests", "anonymous", "fallbacks", "errors", "sheds", "hit_share")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class ArmEstimate:
    """A metric's value in an arm, over its matured units; None where nothing is known."""

    name: str
    estimate: float | None
    units: int

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "estimate": self.estimate, "units": self.units}


@dataclass(frozen=True, slots=True)
class Compared:
    """One variant against the control in one metric.

    `found` is None while there is nothing to compare. `adjusted_p` is the p-value among all goals
    (Holm), None of what is no goal. A guardrail has its own verdict in `guardrail`.
    """

    variant: str
    decision: Decision
    sentence: str
    found: Comparison | None
    adjusted_p: float | None = None
    guardrail: Guardrail | None = None
    fixed_horizon: "FixedHorizon | None" = None

    def document(self) -> dict[str, Any]:
        """As JSON; what is not known, and infinite ends of intervals, are null."""
        found = self.found
        shown: dict[str, Any] = {
            "variant": self.variant,
            "difference": found and found.difference,
            "interval": _ends(found.interval if found else None),
            "relative": found and found.relative,
            "relative_interval": _ends(found.relative_interval if found else None),
            "p_value": found and found.p_value,
            "adjusted_p_value": self.adjusted_p,
            "method": found and str(found.method),
            "decision": str(self.decision),
            "sentence": self.sentence,
        }
        if self.guardrail is not None:
            shown["guardrail"] = {
                "verdict": str(self.guardrail.verdict),
                "harm": _ends(self.guardrail.harm),
                "p_value": self.guardrail.p_value,
                "missing_units": self.guardrail.missing_units,
            }
        if self.fixed_horizon is not None:
            shown["fixed_horizon"] = {
                "difference": self.fixed_horizon.difference,
                "interval": _ends(self.fixed_horizon.interval),
                "relative": self.fixed_horizon.relative,
                "relative_interval": _ends(self.fixed_horizon.relative_interval),
                "p_value": self.fixed_horizon.p_value,
            }
        return shown


@dataclass(frozen=True, slots=True)
class MetricResult:
    """A metric in all arms. `unmeasured` says why nothing is known of it, and is else empty.

    One that `guards` is a guardrail, declared or, for a ramp without any, built in; its `margin` is
    the greatest harm that does not count.
    """

    name: str
    kind: str
    role: str
    direction: str
    variants: tuple[ArmEstimate, ...] = ()
    comparisons: tuple[Compared, ...] = ()
    unmeasured: str = ""
    guards: bool = False
    margin: float | None = None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        shown: dict[str, Any] = {name: getattr(self, name) for name in ("name", "kind", "role", "direction")}
        shown["variants"] = [one.document() for one in self.variants]
        shown["comparisons"] = [one.document() for one in self.comparisons]
        return {**shown, "unmeasured": self.unmeasured} if self.unmeasured else shown


@dataclass(frozen=True, slots=True)
class Planned:
    """The sample that was planned, and when it will be there at the pace until now."""

    units: int
    have: int
    units_per_day: float | None
    days_left: float | None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"units": self.units, "have": self.have, "units_per_day": self.units_per_day, "days_left": self.days_left}


@dataclass(frozen=True, slots=True)
class Results:
    """The results of an experiment at one look.

    `metrics` are the declared ones; `requests` are the built-in ones of requests, of which none is
    a goal. `warnings` are sentences on what may fool who reads them. `ramp` says where the ramp is
    and why, and is empty without one.
    """

    key: str
    status: str
    epoch: int
    at: float
    sample_ratio: SampleRatio
    variants: tuple[VariantCount, ...]
    dropped_exposures: int
    metrics: tuple[MetricResult, ...]
    requests: tuple[MetricResult, ...]
    planned: Planned | None = None
    warnings: tuple[str, ...] = ()
    sentence: str = ""
    epochs: tuple[int, ...] = field(default=())
    ramp: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "key": self.key,
            "status": self.status,
            "epoch": self.epoch,
            "epochs": list(self.epochs),
            "at": self.at,
            "sentence": self.sentence,
            "srm": self.sample_ratio.document(),
            "variants": [one.document() for one in self.variants],
            "dropped_exposures": self.dropped_exposures,
            "metrics": [one.document() for one in self.metrics],
            "requests": [one.document() for one in self.requests],
            "planned": self.planned and self.planned.document(),
            "ramp": self.ramp or None,
            "warnings": list(self.warnings),
        }


def _ends(interval: Interval | None) -> list[float | None] | None:
    if interval is None:
        return None
    return [end if math.isfinite(end) else None for end in (interval.low, interval.high)]
