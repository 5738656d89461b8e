"""The experiments in force: those of the file and those of state that run, as one snapshot."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.catalog.catalog import Default
from gateway.experiments.assignment import Experiment, Variant
from gateway.experiments.changes import warnings_of
from gateway.experiments.compilation import experiment_of
from gateway.experiments.definition import Definition
from gateway.experiments.earlier_units import NOBODY_KNOWN, KnownUnits
from gateway.experiments.file import FileExperiments
from gateway.experiments.record import Record, Stored
from gateway.experiments.snapshot import Experiments, by_key, by_model
from gateway.experiments.stays import stays_of
from gateway.experiments.watch import StateExperiments
from gateway.files.watched import Watched

MAX_STOPPED: Final = 20
"""So many of the experiments that were stopped last still take outcomes, which may come late."""


UNKNOWN: Final = "who was assigned in earlier epochs cannot be read now: until it can, units may be in another variant than before"


class Measured(NamedTuple):
    """The definition of an experiment, and the names of an epoch's variants in their order."""

    definition: Definition
    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """An `ExperimentsSnapshot`, with the default versions that experiments promoted, by model."""

    by_model: Mapping[str, Sequence[Experiment]]
    fault: str | None = None
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    defaults: Mapping[str, Default] = field(default_factory=dict)
    shadows: Mapping[str, Sequence[Variant]] = field(default_factory=dict)
    """the variants that shadow, by the experiment's key"""
    measured: Mapping[tuple[str, int], Measured] = field(default_factory=dict)
    """the experiments that are measured, paused ones and the last stopped ones too, by key and
    epoch"""


class ExperimentsInForce:
    """What the file and state say together.

    `current` is the same object until one of them changes, or more is known of who was assigned
    before.
    """

    def __init__(self, file: Watched[FileExperiments], state: StateExperiments, known: KnownUnits = NOBODY_KNOWN) -> None:
        self._file, self._state, self._known = file, state, known
        self._of: tuple[FileExperiments, Stored, str | None] = file.current, state.current, state.fault
        self._revision = known.revision
        self._current = merged(*self._of, known)

    @property
    def current(self) -> InForce:
        """The snapshot in force."""
        file, stored, fault, revision = self._file.current, self._state.current, self._state.fault, self._known.revision
        if self._of[0] is not file or self._of[1] is not stored or self._of[2] is not fault or self._revision != revision:
            self._of, self._revision = (file, stored, fault), revision
            self._current = merged(file, stored, fault, self._known, self._current.by_model)
        return self._current


def merged(
    file: FileExperiments,
    stored: Stored,
    fault: str | None,
    known: KnownUnits = NOBODY_KNOWN,
    before: Mapping[str, Sequence[Experiment]] = MappingProxyType({}),
) -> InForce:
    """The experiments of state that run, and those of the file after them.

    `fault` is that of state. An experiment of state whose key the file has, too, is not in force:
    the file was changed after it was made. One that has opened an epoch stays as it is in `before`
    until it is known who was assigned.
    """
    of_file = by_key(file.by_model)
    running = [record for record in stored.running() if record.key not in of_file]
    earlier = by_key(before)
    found = by_model([*(_of_state(record, known, earlier.get(record.key)) for record in running), *of_file.values()])
    warnings: defaultdict[str, list[str]] = defaultdict(list)
    for key, sentences in chain(file.warnings.items(), warnings_of({}, found).items()):
        warnings[key] += (sentence for sentence in sentences if sentence not in warnings[key])
    for experiment in chain.from_iterable(found.values()):
        if experiment.epoch > 1 and experiment.assigned is None:
            warnings[experiment.key].append(UNKNOWN)
    measured = {
        (record.key, number): Measured(record.definition, variants)
        for record in _measured(stored)
        if record.key not in of_file
        for number, variants in _epochs(record)
    }
    measured |= {(one.key, of_file[one.key].epoch): Measured(one, _names(one)) for one in file.definitions if one.key in of_file}
    return InForce(found, "; ".join(filter(None, (file.fault, fault))) or None, warnings, stored.defaults, _shadows(found), measured)


def _shadows(experiments: Mapping[str, Sequence[Experiment]]) -> dict[str, list[Variant]]:
    shadowing = ((one.key, [variant for variant in one.variants if variant.shadow]) for one in chain.from_iterable(experiments.values()))
    return {key: variants for key, variants in shadowing if variants}


def _of_state(record: Record, known: KnownUnits, before: Experiment | None) -> Experiment:
    present = experiment_of(record.definition, coverage=record.coverage, epoch=record.epoch)
    if record.epoch == 1:
        return present
    units = known.before(record.key, record.epoch)
    if units is not None:
        return replace(present, assigned=stays_of(units, record.epochs, present.variants))
    if before is None or before.epoch == record.epoch:
        return present
    # a roll-back must reach everyone at once
    return replace(before, coverage=min(before.coverage, present.coverage))


def _measured(stored: Stored) -> list[Record]:
    """The experiments whose units may still have outcomes."""
    stopped = [record for record in stored.records.values() if record.status == "stopped" and record.started_at is not None]
    stopped.sort(key=lambda record: record.stopped_at or 0.0, reverse=True)
    return [record for record in stored.records.values() if record.status in ("running", "paused")] + stopped[:MAX_STOPPED]


def _epochs(record: Record) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The epochs of an experiment, with the names of their variants."""
    if not record.epochs:
        yield record.epoch, _names(record.definition)
    for epoch in record.epochs:
        yield epoch.number, tuple(epoch.weights)


def _names(definition: Definition) -> tuple[str, ...]:
    return tuple(variant.name for variant in definition.variants)


if TYPE_CHECKING:
    _fulfils: type[Experiments] = ExperimentsInForce
