"""The folder of the embedded state, which one Valkey uses at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import StartError

VARIABLE = "HEADRACE_STATE_DIR"
LOG = "valkey.log"
_LOCK = "lock"
_PATIENCE_S = 3.0
"""A Valkey whose gateway was killed takes a moment to end."""
_POLL_INTERVAL_S = 0.05


@contextmanager
def taken(folder: Path) -> Iterator[int]:
    """Make the folder, and lock it; gives the descriptor that holds the lock.

    A child that inherits the descriptor holds the lock until it ends, however it and its parent
    end.

    Raises:
        StartError: the folder cannot be written, or another stack uses it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise unusable(folder, exc) from exc
    try:
        _lock(lock, folder)
        yield lock
    finally:
        os.close(lock)


def unusable(folder: Path, exc: OSError) -> StartError:
    """Why state cannot be kept in the folder, as a sentence."""
    return StartError(f"state cannot be kept in {folder} ({exc.strerror}): set {VARIABLE} to a folder that can be written and has space")


def last_words(folder: Path) -> str:
    """The last line that the folder's Valkey logged."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line.strip()), "")


def _lock(lock: int, folder: Path) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                raise StartError(f"another stack keeps its state in {folder}: stop it, or set {VARIABLE} to another folder") from None
            time.sleep(_POLL_INTERVAL_S)  # who holds the lock tells nobody when it ends
        except OSError as exc:  # a file system that knows no locks
            raise unusable(folder, exc) from exc
        else:
            return
