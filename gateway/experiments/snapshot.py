"""The experiments as requests see them, whatever source (a file, a store) they come from."""

from collections.abc import Mapping
from typing import Protocol

from gateway.experiments.assignment import Experiment


class ExperimentsSnapshot(Protocol):
    """The experiments in force at one moment. A snapshot never changes; a change makes another."""

    @property
    def by_model(self) -> Mapping[str, Experiment]:
        """The experiment of each model that has one."""

    @property
    def fault(self) -> str | None:
        """Why an earlier state of the source is in force; None: its present state is."""


class Experiments(Protocol):
    """A source of snapshots. It swaps `current` whole, and requests read it without waiting."""

    @property
    def current(self) -> ExperimentsSnapshot:
        """The snapshot in force."""
