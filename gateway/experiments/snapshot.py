"""The experiments as requests see them, whether their source is a file or a store."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.experiments.assignment import Experiment


class ExperimentsSnapshot(Protocol):
    """The experiments in force at one moment; it never changes, since a change makes a new one."""

    @property
    def by_model(self) -> Mapping[str, Experiment]:
        """The experiment of each model that has one."""

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
