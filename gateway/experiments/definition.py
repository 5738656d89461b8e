"""An experiment's definition: what its owner writes, in the API, in a YAML file and on the page.

One pydantic model checks all three. Whether the experiment runs, in which epoch, and which version
of the definition this is, stand in the record around it.

{"key": "topics-lora", "coverage": 0.2,
 "variants": [{"name": "control", "model": "topics", "version": 1, "weight": 0.5},
              {"name": "treatment", "model": "topics", "version": 2, "weight": 0.5}],
 "condition": {"country": {"$in": ["de", "at"]}},
 "metrics": [{"name": "click", "kind": "binary", "window": "24h"},
             {"name": "errors", "kind": "binary", "source": "request", "direction": "decrease",
              "goal": false, "margin": 0.01}],
 "ramp": {"steps": [{"coverage": 0.01, "minimum_units": 1000}, {"coverage": 0.2}]}}
"""

import json
import math
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator

from gateway.experiments.condition import compiled
from gateway.experiments.duration import seconds
from gateway.faults import Fault, dotted, faults

MAX_VARIANTS, MAX_METRICS, MAX_STEPS, MAX_FORCED = 20, 50, 20, 1000
MAX_CONDITION_CHARS = 16_384
MAX_DURATION_S = 90 * 86_400


def _whole(given: object) -> object:
    """A whole number that was written as `1e6`, as an integer."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=1, le=10**12)]
Duration = Annotated[float, BeforeValidator(seconds), Field(gt=0, le=MAX_DURATION_S)]
"""Seconds; a text such as `24h` is read, too."""
Unit = Annotated[str, Field(min_length=1, max_length=256)]


class DefinitionError(ValueError):
    """A definition that cannot be used; the message says which fields, and what they must be."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _shadow_share(given: object) -> object:
    return float(given) if isinstance(given, bool) else given


class Variant(_Part):
    """One arm: the packaged version that answers its units.

    `weight` is its share of the covered units, 0 for a variant that only shadows. `model` is the
    experiment's where it is left out.
    """

    name: Name
    model: Name | None = None
    version: Count
    weight: Share = 0.0
    shadow: Annotated[Share, BeforeValidator(_shadow_share)] = 0.0
    """Share of the requests answered by another variant that this one computes, too, after the
    answer; `true` is all of them."""


def _namespace(given: object) -> object:
    """GrowthBook's own form, `[name, start, end]`, as an object."""
    if isinstance(given, (list, tuple)) and len(given) == 3:
        return {"name": given[0], "range": list(given[1:])}
    return given


class Namespace(_Part):
    """Experiments of one namespace whose ranges do not overlap share no unit.

    A unit is in where its place in the namespace, from 0 to 1, is within [start, end).
    """

    name: Name
    range: tuple[Share, Share]

    @model_validator(mode="after")
    def _check(self) -> "Namespace":
        if self.range[0] >= self.range[1]:
            raise ValueError("the range must begin before it ends, such as [0, 0.5]")
        return self


class Metric(_Part):
    """What is measured of a unit. It is declared before the experiment starts.

    A goal is what the experiment is about. A metric that is none, and has a margin, is a guardrail.
    `kind` says what a unit's values come to: whether there is one (`binary`), their sum (`mean`),
    their sum for each of `denominator` (`ratio`; without it, for each value), whether one is above
    `threshold` (`share-over-threshold`; without it, above the model's latency objective).
    """

    name: Name
    kind: Literal["binary", "mean", "ratio", "share-over-threshold"]
    source: Literal["outcome", "feedback", "request"] = "outcome"
    direction: Literal["increase", "decrease"] = "increase"
    """in which it becomes better"""
    goal: Annotated[bool, Field(strict=True)] = True
    margin: Annotated[Number, Field(ge=0)] | None = None
    """the greatest harm that does not count, in the metric's own unit"""
    window: Duration | None = None
    """how long after a unit's first exposure its values count; without it, for ever"""
    cap: Annotated[Number, Field(gt=0)] | None = None
    """a unit's value is at most this"""
    threshold: Number | None = None
    denominator: Name | None = None
    covariate: Name | None = None
    """the name of the value from before the exposure that CUPED takes the variance out with"""

    @property
    def guardrail(self) -> bool:
        """Whether harm to this metric, beyond its margin, ends the experiment."""
        return not self.goal and self.margin is not None

    @model_validator(mode="after")
    def _check(self) -> "Metric":
        over_threshold = self.kind == "share-over-threshold"
        if self.threshold is not None and not over_threshold:
            raise ValueError(f"threshold: the kind {self.kind} has none; leave it out, or make the kind share-over-threshold")
        if self.threshold is None and over_threshold and self.source != "request":
            raise ValueError("threshold: must be given, since only metrics of requests have one already, the latency objective")
        if self.denominator is not None and self.kind != "ratio":
            raise ValueError(f"denominator: the kind {self.kind} has none; leave it out, or make the kind ratio")
        return self


class Step(_Part):
    """One step of a ramp: the coverage, and what must be so before the next step."""

    coverage: Annotated[Share, Field(gt=0)]
    minimum_units: Count | None = None
    minimum_duration: Duration | None = None
    approval: Annotated[bool, Field(strict=True)] = False
    """whether a person must allow the next step"""


class Ramp(_Part):
    """Steps of rising coverage. The weights stay, so that no unit changes its arm."""

    steps: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)]

    @model_validator(mode="after")
    def _check(self) -> "Ramp":
        shares = [step.coverage for step in self.steps]
        for before, after in pairwise(shares):
            if after <= before:
                raise ValueError(f"steps: the coverage must rise with each step, and {after:g} follows {before:g}")
        return self


class Bandit(_Part):
    """Weights that follow a binary metric by Thompson sampling; each is at least `floor`.

    They move at most once in each `interval`, in seconds.
    """

    metric: Name
    floor: Annotated[Share, Field(gt=0)] = 0.05
    interval: Duration = 3_600.0


class Definition(_Part):
    """What an owner says of an experiment.

    `model` is the name that clients ask for; where it is left out, it is the first variant's. The
    first variant is the control.
    """

    key: Name
    description: Annotated[str, Field(max_length=2000)] = ""
    owner: Annotated[str, Field(max_length=200)] = ""
    model: Name | None = None
    variants: Annotated[list[Variant], Field(min_length=2, max_length=MAX_VARIANTS)]
    coverage: Share = 1.0
    """share of the units that take part"""
    condition: dict[str, JsonValue] | None = None
    """which units may take part, by their attributes, in GrowthBook's syntax"""
    namespace: Annotated[Namespace, BeforeValidator(_namespace)] | None = None
    unit_attribute: Name = "id"
    """the attribute that is the unit; `id` is X-Unit-ID"""
    forced_variants: Annotated[dict[Unit, Name], Field(max_length=MAX_FORCED)] = {}
    """units that get a variant whatever else is said, and are not analysed"""
    seed: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """of the hash; the key where it is left out"""
    cache_bypass: Share = 0.0
    """share of the requests that no cache answers, so that latency and cost are unbiased"""
    metrics: Annotated[list[Metric], Field(max_length=MAX_METRICS)] = []
    ramp: Ramp | None = None
    bandit: Bandit | None = None
    planned_units: Count | None = None

    @property
    def asked_model(self) -> str:
        """The name of the model that clients ask for."""
        return self.model or self.variants[0].model or ""

    @property
    def goals(self) -> list[Metric]:
        """The metrics that the experiment is about."""
        return [metric for metric in self.metrics if metric.goal]

    @property
    def guardrails(self) -> list[Metric]:
        """The metrics that must not be harmed beyond their margins."""
        return [metric for metric in self.metrics if metric.guardrail]

    def model_of(self, variant: Variant) -> str:
        """The model whose version a variant of this experiment shows."""
        return variant.model or self.asked_model

    def document(self) -> dict[str, Any]:
        """The definition as JSON, with the defaults of what was left out; `read` takes it."""
        return self.model_dump(mode="json", exclude_none=True)

    @model_validator(mode="after")
    def _check(self) -> "Definition":
        if not self.asked_model:
            raise ValueError("model: must be given here or in the first variant")
        total = math.fsum(variant.weight for variant in self.variants)
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"variants: the weights add up to {total:g}; they must add up to 1")
        self._check_names()
        if self.condition is not None:
            _check_condition(self.condition)
        return self

    def _check_names(self) -> None:
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            raise ValueError(f"variants: the variants' names must differ: {', '.join(names)}")
        metrics = [metric.name for metric in self.metrics]
        if len(set(metrics)) < len(metrics):
            raise ValueError(f"metrics: the metrics' names must differ: {', '.join(metrics)}")
        if unknown := set(self.forced_variants.values()) - set(names):
            raise ValueError(f"forced_variants: there is no variant {min(unknown)}; there are {', '.join(names)}")
        if self.bandit is not None:
            self._check_bandit(self.bandit)

    def _check_bandit(self, bandit: Bandit) -> None:
        binary = [metric.name for metric in self.goals if metric.kind == "binary"]
        if bandit.metric not in binary:
            raise ValueError(f"bandit.metric: must be a goal of kind binary: {', '.join(binary) or 'there is none'}")
        if self.ramp is not None:
            raise ValueError("bandit: it moves weights and a ramp moves coverage, and not both can be judged; leave one out")
        served = sum(variant.weight > 0 for variant in self.variants)
        if bandit.floor * served > 1:
            raise ValueError(f"bandit.floor: {served} variants cannot have {bandit.floor:g} each; it must be at most {1 / served:g}")


def _check_condition(condition: Mapping[str, JsonValue]) -> None:
    compiled(condition)
    if len(json.dumps(condition)) > MAX_CONDITION_CHARS:
        raise ValueError(f"condition: must be at most {MAX_CONDITION_CHARS} characters of JSON; send an attribute that says what it finds")


def read(value: object) -> Definition:
    """The definition that a value from JSON or YAML holds.

    Raises:
        DefinitionError: it holds none; the message names each fault.
    """
    try:
        return Definition.model_validate(value)
    except ValidationError as exc:
        raise DefinitionError("; ".join(sentence(fault) for fault in faults(exc))) from None


def sentence(fault: Fault) -> str:
    """What is wrong with one field of a definition, and what to change."""
    field, _, rest = fault.message.partition(": ")
    if rest and field.partition(".")[0] in _FIELDS:  # a rule about several fields says which one
        return f"{dotted((*fault.place, field))}: {rest}"
    if not fault.unknown_field:
        return fault.sentence
    close = get_close_matches(str(fault.place[-1]), _FIELDS, n=1)
    return f"{dotted(fault.place)}: there is no such field{f'; {close[0]} is one' if close else ''}"


_FIELDS = sorted({name for part in (Definition, Variant, Namespace, Metric, Step, Ramp, Bandit) for name in part.model_fields})
