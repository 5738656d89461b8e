"""Progress on a terminal or in a pipe.

A terminal has a live line. A pipe has a line for each finished step, and one now and then in a long
step.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.status import Status

REPORT_EVERY_S = 10.0


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

    def __init__(self, name: str, console: Console, status: Status | None) -> None:
        self.name = name
        self.note = ""
        self.size_bytes: int | None = None
        self._console = console
        self._status = status
        self._reported = time.monotonic()

    def advance(self, done: int, total: int) -> None:
        """Report how far the step has come."""
        share = f"{self.name} {done / total:.0%}"
        if self._status:
            self._status.update(share)
        elif time.monotonic() - self._reported >= REPORT_EVERY_S:
            self._reported = time.monotonic()
            self._console.print(f"  {share} …")


class Progress:
    """The steps of one export, shown as they run; `finished` are those that succeeded."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True, markup=False)
        self.finished: list[FinishedStep] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show `name` while the step runs, and its note and seconds once it has succeeded."""
        begin = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(name) as status:
                step = Step(name, self.console, status)
                yield step
        else:
            step = Step(name, self.console, None)
            yield step
        seconds = time.monotonic() - begin
        self.finished.append(FinishedStep(name, seconds, step.note, step.size_bytes))
        self.console.print(f"{seconds:6.1f} s  {name:<13} {step.note}".rstrip())

    def say(self, sentence: str) -> None:
        """Print one sentence."""
        self.console.print(sentence)
