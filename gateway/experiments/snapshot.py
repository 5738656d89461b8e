"""The experiments as requests see them, whether their source is a file or a store."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Protocol

from gateway.experiments.assignment import Experiment


class ExperimentsSnapshot(Protocol):
    """The experiments in force at one moment; it never changes, since a change makes a new one."""

    @property
    def by_model(self) -> Mapping[str, Sequence[Experiment]]:
        """The experiments of each model that has some, in the order in which they are asked."""

    @property
    def fault(self) -> str | None:
        """Why an earlier state of the source is in force; None if its present state is."""

    @property
    def warnings(self) -> Mapping[str, Sequence[str]]:
        """What an experiment does that its owner may not expect, by its key."""


class Experiments(Protocol):
    """A source of snapshots: it replaces `current` whole, and requests read it without waiting."""

    @property
    def current(self) -> ExperimentsSnapshot:
        """The snapshot in force."""


def by_model(experiments: Iterable[Experiment]) -> dict[str, list[Experiment]]:
    """Experiments by the model that clients ask for; those of one model keep their order."""
    found: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        found.setdefault(experiment.model, []).append(experiment)
    return found


def by_key(experiments: Mapping[str, Sequence[Experiment]]) -> dict[str, Experiment]:
    """Experiments by their keys, given by model."""
    return {experiment.key: experiment for experiment in chain.from_iterable(experiments.values())}
