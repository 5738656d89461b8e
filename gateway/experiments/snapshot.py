"""The experiments as requests see them: the seam behind which their sources (a file, a store)
stand.
"""

from collections.abc import Mapping
from typing import Protocol

from gateway.experiments.assignment import Experiment


class ExperimentsSnapshot(Protocol):
    """The experiments in force at one moment.

    It never changes: another state is another snapshot.
    """

    @property
    def by_model(self) -> Mapping[str, Experiment]:
        """The experiment of each model that has one."""

    @property
    def fault(self) -> str | None:
        """Why the source as it stands is not in force, and an earlier state of it is; None where it
        is.
        """


class Experiments(Protocol):
    """A source of snapshots.

    Requests read `current` without waiting, and a source swaps it whole.
    """

    @property
    def current(self) -> ExperimentsSnapshot:
        """The snapshot in force."""
