"""A wait that is exact to a fraction of a millisecond.

gevent's own timers are rounded up to whole milliseconds.
"""

import ctypes
import os
import struct
import sys

import gevent

CLOCK_MONOTONIC = 1
TFD_NONBLOCK = os.O_NONBLOCK if hasattr(os, "O_NONBLOCK") else 0
READ = 1
LEAST_WAIT_S = 20e-6
"""A shorter wait takes longer to set up than to wait."""


class Alarm:
    """Lets the calling greenlet wait while others run.

    It uses a timerfd where the system has one (Linux), and gevent's timers elsewhere.
    """

    def __init__(self) -> None:
        self._file = _timerfd() if sys.platform == "linux" else None
        self._watcher = None if self._file is None else gevent.get_hub().loop.io(self._file, READ)

    def wait(self, duration_s: float) -> None:
        """Return after `duration_s`, or a little before where the wait is too short for a timer."""
        if self._file is None or self._watcher is None:
            gevent.sleep(duration_s)
        elif duration_s < LEAST_WAIT_S:
            gevent.sleep(0)
        else:
            _set(self._file, duration_s)
            gevent.get_hub().wait(self._watcher)
            _clear(self._file)

    def close(self) -> None:
        """Give the timer back."""
        if self._file is not None and self._watcher is not None:
            self._watcher.close()
            os.close(self._file)
            self._file = None


def _timerfd() -> int | None:
    """The file descriptor of a new timer; None where the C library has no timers.

    (os.timerfd_create comes with Python 3.13.)
    """
    create = getattr(_LIBC, "timerfd_create", None)
    file = -1 if create is None else create(CLOCK_MONOTONIC, TFD_NONBLOCK)
    return file if file >= 0 else None


def _set(file: int, after_s: float) -> None:
    seconds, fraction = divmod(after_s, 1.0)
    # struct itimerspec: the interval (none), then the time until it expires, each as seconds and
    # nanoseconds
    _LIBC.timerfd_settime(file, 0, struct.pack("qqqq", 0, 0, int(seconds), max(int(fraction * 1e9), 1)), None)


def _clear(file: int) -> None:
    try:
        os.read(file, 8)
    except BlockingIOError:
        return  # woken by something else


_LIBC = ctypes.CDLL(None)
