"""The files of the metrics, which several workers keep in one folder.

The files of a worker carry the number of its *slot*. The worker holds a lock on its slot as long as
it lives, and the kernel releases the lock however the worker ends. The next worker takes the lowest
free slot, goes on counting in the files of that slot and deletes its gauges. So counters never
fall, there are never more slots than workers that lived at once, and the gauges of a slot that
nobody holds are hidden.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder; it must be set before prometheus_client is imported."""


class Slot:
    """A slot of a folder; it is held until the process ends."""

    def __init__(self, folder: Path) -> None:
        with _exclusive(folder):
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
    """The files to read.

    The gauges of living workers are read only from slots that are held; all other files are read.
    """
    with _exclusive(folder):
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
def _exclusive(folder: Path) -> Iterator[None]:
    """Exclude other processes.

    Checking whether a slot is free locks it for a moment; no other process may see it as held then.
    """
    descriptor = os.open(folder / "slots", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
