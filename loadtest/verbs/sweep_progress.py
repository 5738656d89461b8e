"""How a running sweep shows itself: its configuration, the load that runs, the time left."""

from rich.console import Console

from loadtest.planning.sweep.run import Run
from loadtest.planning.sweep.sweeper import Standing
from loadtest.results.figures import plural
from loadtest.results.progress import Progress

SECONDS_PER_MINUTE = 60
MOST_WORDS = 100


class Shown:
    """Shows a line that changes on a terminal, and a line for each load elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("") if console.is_terminal else None
        self._head = self._load = ""
        if self._status is not None:
            self._status.start()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._status is not None:
            self._status.stop()

    def on_job(self, standing: Standing) -> None:
        """A configuration begins."""
        left = "" if standing.left_s is None else f", about {duration(standing.left_s)} left"
        self._head = f"[{standing.number} of {standing.total}{left}] {standing.job.configuration.name}"
        self._say("starting", line=True)

    def on_profile(self, name: str) -> None:
        """A capacity profile begins."""
        self._head = f"[capacity profile] {name}"
        self._say("starting", line=True)

    def on_words(self, words: str) -> None:
        """The stack that starts has said something."""
        self._say(words[:MOST_WORDS])

    def on_load(self, load: str) -> None:
        """A load begins."""
        self._load = load
        self._say(load, line=True)

    def on_progress(self, progress: Progress) -> None:
        """A load goes on."""
        failed = f", {progress.failures:,} failed" if progress.failures else ""
        self._say(f"{self._load}: {plural(progress.requests, 'request')}{failed}, {progress.elapsed_s:.0f} s")

    def on_end(self, run: Run, elapsed_s: float) -> None:
        """A configuration ended."""
        outcome = f"failed: {run.error}" if run.error else plural(len(run.points), "load")
        self._console.print(f"{self._head}: {outcome}, {duration(elapsed_s)}", soft_wrap=True)

    def _say(self, what: str, *, line: bool = False) -> None:
        if self._status is not None:
            self._status.update(f"{self._head}: {what}")
        elif line:
            self._console.print(f"{self._head}: {what}", soft_wrap=True)


def duration(seconds: float) -> str:
    """`42 s`, `3 min`, `1 h 20 min`."""
    if seconds < 2 * SECONDS_PER_MINUTE:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / SECONDS_PER_MINUTE), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
