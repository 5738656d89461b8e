"""Whether another instance on this machine runs a graph now.

Each running instance holds a shared lock on a file that all instances have.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Neighbours:
    """The instances that lock the same `file`, of whatever model.

    Where it cannot be locked (as on some networks), another instance always seems to run.
    """

    def __init__(self, file: Path = Path(__file__)) -> None:
        self._file = file.open("rb")

    @contextmanager
    def working(self) -> Iterator[None]:
        """Be seen to run."""
        held = self._lock(fcntl.LOCK_SH)
        try:
            yield
        finally:
            if held:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def none_works(self) -> bool:
        """Whether no instance runs at this moment; not to be called while `working` oneself."""
        alone = self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
        if alone:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        return alone

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind)
        except OSError:  # somebody else holds it, or no locks here
            return False
        return True
