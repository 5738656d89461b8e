"""A lone text on a machine where nothing else runs gets several cores: the others would only wait."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace_backend.items import Window
from headrace_backend.neighbours import Neighbours
from headrace_backend.session import Session


class LoneTextSession:
    """Runs batches by the session `narrow`, and a single window by `wide`, which has more threads, where no neighbour works."""

    def __init__(self, narrow: Session, wide: Session, neighbours: Neighbours) -> None:
        self._narrow, self._wide, self._neighbours = narrow, wide, neighbours

    def run(self, windows: Sequence[Window]) -> Sequence[NDArray[np.float32]]:
        """The outputs [batch, …] for windows as one batch, padded to the longest."""
        lone = len(windows) == 1 and self._neighbours.none_works()
        with self._neighbours.working():
            return (self._wide if lone else self._narrow).run(windows)
