"""Progress on a terminal or in a pipe: nobody waits longer than some seconds without a word.

A terminal has a live line. A pipe has a line when a step begins, one now and then in a long step,
and one with the result when it is finished.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

REPORT_EVERY_S = 4.0
"""In a pipe."""
REFRESH_EVERY_S = 0.5
"""On a terminal."""
INDENT = " " * 10
"""As wide as the seconds of a finished step."""


@dataclass(frozen=True)
class FinishedStep:
    """A step that succeeded, its seconds, and the size of the file that it made, if any."""

    name: str
    seconds: float
    note: str
    size_bytes: int | None


class Step:
    """One running step.

    `note` is printed in its finished line, `size_bytes` is of the file that it made.
    """

    def __init__(self, name: str, doing: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.note = ""
        self.size_bytes: int | None = None
        self._doing = doing
        self._clock = clock
        self._begin = clock()
        self._share: float | None = None

    def advance(self, done: int, total: int) -> None:
        """Note how far the step has come."""
        self._share = done / total if total else None

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._clock() - self._begin

    def beginning(self) -> str:
        """What is begun."""
        return f"{self.name}: {self._doing} …" if self._doing else f"{self.name} …"

    def running(self) -> str:
        """How far it has come, and how long it has taken."""
        share = "" if self._share is None else f" {self._share:.0%},"
        return f"{self.name}{share} {self.seconds:.0f} s …"


class Progress:
    """The steps of one export, shown as they run; `finished` are those that succeeded."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True, markup=False)
        self.finished: list[FinishedStep] = []

    @contextmanager
    def step(self, name: str, doing: str = "") -> Iterator[Step]:
        """Show `name` and what is done while the step runs, and its note once it has succeeded."""
        step = Step(name, doing)
        if self.console.is_terminal:
            with self.console.status(step.beginning()) as status, _every(REFRESH_EVERY_S, lambda: status.update(step.running())):
                yield step
        else:
            self.console.print(f"{INDENT}{step.beginning()}")
            with _every(REPORT_EVERY_S, lambda: self.console.print(f"{INDENT}{step.running()}")):
                yield step
        seconds = step.seconds
        self.finished.append(FinishedStep(name, seconds, step.note, step.size_bytes))
        self.console.print(f"{seconds:6.1f} s  {name:<13} {step.note}".rstrip())

    def seconds(self, name: str) -> float:
        """How long the last step of a name took; 0 where there was none."""
        return next((step.seconds for step in reversed(self.finished) if step.name == name), 0.0)

    def say(self, sentence: str) -> None:
        """Print one sentence."""
        self.console.print(sentence)


@contextmanager
def waiting(what: str, say: Callable[[str], object], every_s: float = REPORT_EVERY_S) -> Iterator[None]:
    """Say that `what` begins, and now and then that it lasts, for a wait that is no step."""
    began = time.monotonic()
    say(f"{what} …")
    with _every(every_s, lambda: say(f"{what}, {time.monotonic() - began:.0f} s …")):
        yield


@contextmanager
def _every(interval_s: float, show: Callable[[], object]) -> Iterator[None]:
    """Call `show` now and then, from a thread, as the steps are other libraries' long calls."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(interval_s):
            show()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
