"""Whose the files of the metrics are, where several workers keep theirs in one folder.

A worker's files carry the number of its *slot*, and it holds a lock on the slot for as long as it
lives: the kernel gives the lock back however the worker ends. The next worker takes the lowest free
slot over, goes on counting in its files and forgets its gauges. So counters never fall, there are
never more slots than workers lived at once, and a gauge of a slot that nobody holds is hidden.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder. prometheus_client reads it while it is imported, so it is set before that."""


class Slot:
    """A slot of a folder, held until the process ends."""

    def __init__(self, folder: Path) -> None:
        with _alone(folder):
            for self.number in count():
                self._lock = os.open(_lock_path(folder, self.number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                if _try_lock(self._lock):
                    break
                os.close(self._lock)
            for path in folder.glob(f"gauge_live*_{self.number}.db"):
                path.unlink(missing_ok=True)

    def __repr__(self) -> str:
        return f"<Slot {self.number}>"


def shown(folder: Path) -> list[str]:
    """The files to read: all of them, but of the gauges that count living workers only those in
    slots that are held.
    """
    with _alone(folder):
        held = {path.stem for path in folder.glob("*.lock") if _is_held(path)}
    return [
        str(path) for path in sorted(folder.glob("*.db")) if not path.name.startswith("gauge_live") or path.stem.rpartition("_")[2] in held
    ]


def _lock_path(folder: Path, number: int) -> Path:
    return folder / f"{number}.lock"


def _is_held(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others out: whoever looks at a free slot holds it for that moment, and nobody may take
    it for taken.
    """
    descriptor = os.open(folder / "slots", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
