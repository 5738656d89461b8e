"""The experiments in force: those of the file and those of state that run, as one snapshot."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

from gateway.catalog.catalog import Default
from gateway.experiments.assignment import Experiment
from gateway.experiments.changes import warnings_of
from gateway.experiments.compilation import experiment_of
from gateway.experiments.definition import Definition
from gateway.experiments.file import FileExperiments
from gateway.experiments.idle import idle_warnings
from gateway.experiments.record import Record, Stored
from gateway.experiments.snapshot import Experiments, by_key, by_model
from gateway.experiments.watch import StateExperiments
from gateway.files.watched import Watched

MAX_EPOCHS: Final = 10
"""Each outcome is looked up in so many of an experiment's last epochs."""
MAX_STOPPED: Final = 20
"""So many of the experiments that were stopped last still take outcomes, which may come late."""


@dataclass(frozen=True, slots=True)
class InForce:
    """An `ExperimentsSnapshot`, with the default versions that experiments promoted, by model."""

    by_model: Mapping[str, Sequence[Experiment]]
    fault: str | None = None
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    defaults: Mapping[str, Default] = field(default_factory=dict)
    definitions: Mapping[tuple[str, int], Definition] = field(default_factory=dict)
    """those of the experiments that are measured, paused ones and the last stopped ones too, by key
    and epoch"""


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
    """The experiments of state that run, and those of the file after them.

    `fault` is that of state. An experiment of state whose key the file has, too, is not in force:
    the file was changed after it was made.
    """
    of_file = by_key(file.by_model)
    running = [record for record in stored.running() if record.key not in of_file]
    found = by_model(
        [*(experiment_of(record.definition, coverage=record.coverage, epoch=record.epoch) for record in running), *of_file.values()]
    )
    warnings: defaultdict[str, list[str]] = defaultdict(list)
    for key, sentences in chain(file.warnings.items(), warnings_of({}, found).items()):
        warnings[key] += (sentence for sentence in sentences if sentence not in warnings[key])
    for definition in (*file.definitions, *(record.definition for record in running)):
        if sentences := idle_warnings(definition):
            warnings[definition.key] += sentences
    definitions = {
        (record.key, epoch): record.definition for record in _measured(stored) if record.key not in of_file for epoch in _epochs(record)
    }
    definitions |= {(one.key, of_file[one.key].epoch): one for one in file.definitions if one.key in of_file}
    return InForce(found, "; ".join(filter(None, (file.fault, fault))) or None, warnings, stored.defaults, definitions)


def _measured(stored: Stored) -> list[Record]:
    """The experiments whose units may still have outcomes."""
    stopped = [record for record in stored.records.values() if record.status == "stopped" and record.started_at is not None]
    stopped.sort(key=lambda record: record.stopped_at or 0.0, reverse=True)
    return [record for record in stored.records.values() if record.status in ("running", "paused")] + stopped[:MAX_STOPPED]


def _epochs(record: Record) -> range:
    """The epochs of an experiment whose units may still have outcomes."""
    return range(max(1, record.epoch - MAX_EPOCHS + 1), record.epoch + 1)


if TYPE_CHECKING:
    _fulfils: type[Experiments] = ExperimentsInForce
