"""The experiments in force: those of the file and those of state that run, as one snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.catalog.catalog import Default
from gateway.experiments.assignment import Experiment, Variant
from gateway.experiments.definition import Definition
from gateway.experiments.definition import Variant as DefinedVariant
from gateway.experiments.file import FileExperiments
from gateway.experiments.record import Stored
from gateway.experiments.snapshot import Experiments
from gateway.experiments.watch import StateExperiments
from gateway.files.watched import Watched


@dataclass(frozen=True, slots=True)
class InForce:
    """An `ExperimentsSnapshot`, with the default versions that experiments promoted, by model."""

    by_model: Mapping[str, Experiment]
    fault: str | None = None
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    defaults: Mapping[str, Default] = field(default_factory=dict)


class ExperimentsInForce:
    """What the file and state say together.

    `current` is the same object until one of them changes.
    """

    def __init__(self, file: Watched[FileExperiments], state: StateExperiments) -> None:
        self._file, self._state = file, state
        self._of: tuple[FileExperiments, Stored, str | None] = file.current, state.current, state.fault
        self._current = merged(*self._of)

    @property
    def current(self) -> InForce:
        """The snapshot in force."""
        file, stored, fault = self._file.current, self._state.current, self._state.fault
        if self._of[0] is not file or self._of[1] is not stored or self._of[2] is not fault:
            self._of = file, stored, fault
            self._current = merged(file, stored, fault)
        return self._current


def merged(file: FileExperiments, stored: Stored, fault: str | None) -> InForce:
    """The experiments of the file, and those of state that run on other models.

    `fault` is that of state. An experiment of state that may not run beside the file's is not in
    force: the file was changed after it had started.
    """
    by_model, warnings = dict(file.by_model), dict(file.warnings)
    for record in stored.running():
        experiment = experiment_of(record.definition)
        other = by_model.setdefault(experiment.model, experiment)
        if other is not experiment:
            warnings[record.key] = [f"experiment {record.key} runs and is not in force: experiment {other.key} has the model {other.model}"]
    return InForce(by_model, "; ".join(filter(None, (file.fault, fault))) or None, warnings, stored.defaults)


def experiment_of(definition: Definition) -> Experiment:
    """What assignment needs of a definition."""
    arms = tuple(Variant(arm.name, definition.model_of(arm), arm.version, arm.weight) for arm in definition.variants)
    seed = definition.key if definition.seed is None else definition.seed
    return Experiment(definition.key, definition.asked_model, seed, definition.coverage, arms, definition.cache_bypass)


def definition_of(experiment: Experiment) -> Definition:
    """The definition of an experiment that a file holds."""
    arms = [DefinedVariant(name=arm.name, model=arm.model, version=arm.version, weight=arm.weight) for arm in experiment.variants]
    return Definition(
        key=experiment.key,
        model=experiment.model,
        seed=experiment.seed,
        coverage=experiment.coverage,
        cache_bypass=experiment.cache_bypass,
        variants=arms,
    )


if TYPE_CHECKING:
    _fulfils: type[Experiments] = ExperimentsInForce
