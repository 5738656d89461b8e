"""The experiments file: YAML → snapshot.

The file is read again when it changes. If it is then invalid, the last valid one stays in force.
Where a change moves units between arms of one experiment, a warning says how many.

Each experiment is a definition (`definition.py`).

experiments:
  - key: topics-lora
    model: topics
    coverage: 1.0          # share of the units that take part
    cache_bypass: 0.05     # share of their requests that no cache answers
    variants:
      - {name: control, version: 1, weight: 0.5}
      - {name: treatment, version: 2, weight: 0.5}   # of `model`, unless the variant names another
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.experiments.assignment import Experiment
from gateway.experiments.changes import warnings_of
from gateway.experiments.compilation import experiment_of
from gateway.experiments.definition import Definition, sentence
from gateway.experiments.snapshot import by_key, by_model
from gateway.faults import faults
from gateway.files import yaml_text
from gateway.files.watched import FileKind, Watched
from gateway.observability import metrics

MAX_EXPERIMENTS = 1000


class ExperimentsError(ValueError):
    """An experiments file that cannot be used; the message says where and why."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    experiments: list[Definition] = Field([], max_length=MAX_EXPERIMENTS)

    @model_validator(mode="after")
    def _check(self) -> "_File":
        keys = [experiment.key for experiment in self.experiments]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise ValueError(f"more than one experiment with key {', '.join(sorted(twice))}")
        return self


def parse(text: str) -> dict[str, list[Experiment]]:
    """Experiments by model, those of one in their order.

    Raises:
        ExperimentsError: as `definitions`.
    """
    return by_model(map(experiment_of, definitions(text)))


def definitions(text: str) -> list[Definition]:
    """The definitions of a file, in their order.

    Raises:
        ExperimentsError: not YAML, or not valid experiments; the message names each fault.
    """
    try:
        file = _File.model_validate(yaml_text.load(text) or {})
    except ValidationError as exc:
        raise ExperimentsError("; ".join(sentence(fault) for fault in faults(exc))) from exc
    except ValueError as exc:
        raise ExperimentsError(str(exc)) from exc
    return file.experiments


@dataclass(frozen=True, slots=True)
class FileExperiments:
    """The experiments of a file; an `ExperimentsSnapshot`."""

    by_model: Mapping[str, Sequence[Experiment]]
    fault: str | None = None
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    definitions: Sequence[Definition] = ()


def _of(text: str) -> FileExperiments:
    found = definitions(text)
    return FileExperiments(by_model(map(experiment_of, found)), definitions=found)


def _after(before: FileExperiments, now: FileExperiments) -> FileExperiments:
    """The experiments of now, with what there is to say of the change, and of earlier changes."""
    earlier, found = by_key(before.by_model), warnings_of(before.by_model, now.by_model)
    kept = {
        key: before.warnings[key]
        for key, experiment in by_key(now.by_model).items()
        if key in before.warnings and earlier.get(key) == experiment
    }
    return replace(now, warnings=kept | found)


def experiments_at(path: Path | None) -> Watched[FileExperiments]:
    """The experiments of the file at `path`, which is not read yet; none where `path` is None."""
    return Watched(
        path,
        FileKind(
            parse=_of,
            empty=FileExperiments({}),
            error=ExperimentsError,
            valid=metrics.EXPERIMENTS_VALID,
            taken="experiments read",
            refused="experiments file refused, the last good one stays in force",
            shown=lambda file: {"experiments": list(by_key(file.by_model))},
            after=_after,
            warnings=lambda file: dict.fromkeys(chain.from_iterable(file.warnings.values())),
            marked=lambda file, fault: replace(file, fault=fault),
        ),
    )
