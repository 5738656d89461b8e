"""The experiments file: YAML → snapshot.

The file is read again when it changes. If it is then invalid, the last valid one stays in force.
Where a change moves units between arms of one experiment, a warning says how many.

experiments:
  - key: topics-lora
    model: topics
    coverage: 1.0          # share of the units that take part
    cache_bypass: 0.05     # share of their requests that no cache answers
    variants:
      - {name: control, version: 1, weight: 0.5}
      - {name: treatment, version: 2, weight: 0.5}   # of `model`, unless the variant names another
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.experiments.assignment import Experiment, Variant
from gateway.experiments.changes import warnings_of
from gateway.faults import all_in_one
from gateway.files import yaml_text
from gateway.files.watched import FileKind, Watched
from gateway.observability import metrics

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]


class ExperimentsError(ValueError):
    """An experiments file that cannot be used; the message says where and why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Variant(_Part):
    name: Name
    model: Name | None = None
    version: int = Field(ge=1)
    weight: float = Field(ge=0, le=1)


class _Experiment(_Part):
    key: Name
    model: Name
    seed: str | None = None
    coverage: float = Field(1.0, ge=0, le=1)
    cache_bypass: float = Field(0.0, ge=0, le=1)
    variants: list[_Variant] = Field(min_length=2)

    @model_validator(mode="after")
    def _check(self) -> "_Experiment":
        total = math.fsum(variant.weight for variant in self.variants)
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"the weights add up to {total:g}; they must add up to 1")
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            raise ValueError(f"the variants' names must differ: {', '.join(names)}")
        return self


class _File(_Part):
    experiments: list[_Experiment] = []

    @model_validator(mode="after")
    def _check(self) -> "_File":
        for name in ("key", "model"):
            values = [getattr(experiment, name) for experiment in self.experiments]
            if twice := {value for value in values if values.count(value) > 1}:
                raise ValueError(f"more than one experiment with {name} {', '.join(sorted(twice))}")
        return self


def parse(text: str) -> dict[str, Experiment]:
    """Experiments by model.

    Raises:
        ExperimentsError: not YAML, or not valid experiments; the message names each fault.
    """
    try:
        file = _File.model_validate(yaml_text.load(text) or {})
    except ValidationError as exc:
        raise ExperimentsError(all_in_one(exc)) from exc
    except ValueError as exc:
        raise ExperimentsError(str(exc)) from exc
    return {experiment.model: _freeze(experiment) for experiment in file.experiments}


def _freeze(experiment: _Experiment) -> Experiment:
    variants = tuple(_frozen(variant, experiment.model) for variant in experiment.variants)
    seed = experiment.key if experiment.seed is None else experiment.seed
    return Experiment(experiment.key, experiment.model, seed, experiment.coverage, variants, experiment.cache_bypass)


def _frozen(variant: _Variant, model: str) -> Variant:
    return Variant(variant.name, variant.model or model, variant.version, variant.weight)


@dataclass(frozen=True, slots=True)
class FileExperiments:
    """The experiments of a file; an `ExperimentsSnapshot`."""

    by_model: Mapping[str, Experiment]
    fault: str | None = None
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _after(before: FileExperiments, now: FileExperiments) -> FileExperiments:
    """The experiments of now, with what there is to say of the change, and of earlier changes."""
    found = warnings_of(before.by_model, now.by_model)
    kept = {
        experiment.key: before.warnings[experiment.key]
        for experiment in now.by_model.values()
        if experiment.key in before.warnings and before.by_model.get(experiment.model) == experiment
    }
    return replace(now, warnings=kept | found)


def experiments_at(path: Path | None) -> Watched[FileExperiments]:
    """The experiments of the file at `path`, which is not read yet; none where `path` is None."""
    return Watched(
        path,
        FileKind(
            parse=lambda text: FileExperiments(parse(text)),
            empty=FileExperiments({}),
            error=ExperimentsError,
            valid=metrics.EXPERIMENTS_VALID,
            taken="experiments read",
            refused="experiments file refused, the last good one stays in force",
            shown=lambda file: {"experiments": [experiment.key for experiment in file.by_model.values()]},
            after=_after,
            warnings=lambda file: dict.fromkeys(chain.from_iterable(file.warnings.values())),
            marked=lambda file, fault: replace(file, fault=fault),
        ),
    )
