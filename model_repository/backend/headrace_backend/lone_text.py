"""A lone text on an otherwise idle machine runs on several cores, which would only wait."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace_backend.items import Window
from headrace_backend.neighbours import Neighbours
from headrace_backend.session import Session


class SeenSession:
    """A session that the neighbours see running."""

    def __init__(self, session: Session, neighbours: Neighbours) -> None:
        self._session, self._neighbours = session, neighbours

    def run(self, windows: Sequence[Window]) -> Sequence[NDArray[np.float32]]:
        """The outputs [batch, …] for windows as one batch, padded to the longest."""
        with self._neighbours.working():
            return self._session.run(windows)


class LoneTextSession:
    """Runs on `wide`, which has more threads, where no other instance runs; else on `narrow`."""

    def __init__(self, narrow: Session, wide: Session, neighbours: Neighbours) -> None:
        self._narrow, self._wide, self._neighbours = narrow, wide, neighbours

    def run(self, windows: Sequence[Window]) -> Sequence[NDArray[np.float32]]:
        """The outputs [batch, …] for windows as one batch, padded to the longest."""
        session = self._wide if self._neighbours.none_works() else self._narrow
        with self._neighbours.working():
            return session.run(windows)
