"""How a command shows that it is at work on one load of many: a search's trial, a profile's run."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console

from loadtest.results.figures import plural
from loadtest.results.progress import Progress

LINE_INTERVAL_S = 4.0


class StepProgress:
    """A line that changes on a terminal; elsewhere one line in four seconds.

    Results are printed by others, through the same console.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("") if console.is_terminal else None
        self._step = ""
        self._shown_s = monotonic()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it from the beginning of `with` to its end."""
        try:
            yield
        finally:
            if self._status is not None:
                self._status.stop()

    def begin(self, step: str) -> None:
        """A load begins."""
        self._step = step
        self._say("starting")

    def on_progress(self, progress: Progress) -> None:
        """A load goes on."""
        failed = f", {progress.failures:,} failed" if progress.failures else ""
        self._say(f"{plural(progress.requests, 'request')}{failed}, {progress.elapsed_s:.0f} s")

    def _say(self, what: str) -> None:
        words = f"{self._step}: {what}"
        if self._status is not None:
            self._status.update(words)
            self._status.start()
        elif monotonic() - self._shown_s >= LINE_INTERVAL_S:
            self._shown_s = monotonic()
            self._console.print(f"  … {words}")
