"""Output whose reader may be gone: `python -m gateway | head` ends its reader after some lines.

Then every write fails, and a gateway that let this fail could neither answer nor stop. So from the
first failure on what is written goes nowhere. While a disk is full, its lines are lost.
"""

import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO

TELL_EVERY_S = 4.0


class Output:
    """A file as loggers write to it, bytes or text; a lost reader raises nothing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes | str) -> None:
        """Write; text in UTF-8."""
        self._unless_lost(self._file.write, data.encode() if isinstance(data, str) else data)

    def write_and_flush(self, data: bytes) -> None:
        """Write, and flush at once."""
        self._unless_lost(self._write_and_flush, data)

    def flush(self) -> None:
        """Flush."""
        self._unless_lost(self._file.flush)

    def _write_and_flush(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()

    def _unless_lost(self, act: Callable[..., object], *args: bytes) -> None:
        try:
            act(*args)
        except BrokenPipeError:
            _lead_nowhere(self._file)
        except OSError as exc:
            if exc.errno != errno.ENOSPC:
                raise


def say(sentence: str) -> None:
    """Tell the person at the terminal."""
    try:
        print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - not an event: it belongs in no log
    except BrokenPipeError:
        _lead_nowhere(sys.stderr)


@contextmanager
def waiting(what: str, every_s: float = TELL_EVERY_S) -> Iterator[None]:
    """Tell now and then that something lasts, and how long it has."""
    over, began = threading.Event(), time.monotonic()

    def tell() -> None:
        while not over.wait(every_s):
            say(f"{what}, {time.monotonic() - began:.0f} s …")

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _lead_nowhere(file: BinaryIO | TextIO) -> None:
    # the descriptor, not the object: so what lies in buffers can be flushed, at exit too
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, file.fileno())
    os.close(nowhere)
