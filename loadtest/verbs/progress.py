"""How a running load test shows itself: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from loadtest.results.figures import plural
from loadtest.results.progress import Progress as Standing

LINE_INTERVAL_S = 2.0


@contextmanager
def shown(console: Console, duration_s: float) -> Iterator[Callable[[Standing], None]]:
    """Gives the listener that draws the progress of a load test of `duration_s` seconds."""
    if console.is_terminal:
        with _bar(console, duration_s) as listener:
            yield listener
    else:
        yield _lines(console, duration_s)


@contextmanager
def _bar(console: Console, duration_s: float) -> Iterator[Callable[[Standing], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("warming the cache", total=duration_s, state="")

        def draw(progress: Standing) -> None:
            bar.update(
                task, description="load", completed=min(progress.elapsed_s, duration_s), state=f"{_state(progress)} of {duration_s:g} s"
            )

        yield draw


def _lines(console: Console, duration_s: float) -> Callable[[Standing], None]:
    due_s = LINE_INTERVAL_S

    def write(progress: Standing) -> None:
        nonlocal due_s
        if progress.elapsed_s >= due_s:
            due_s = progress.elapsed_s + LINE_INTERVAL_S
            console.print(f"{_state(progress)} of {duration_s:g} s")

    return write


def _state(progress: Standing) -> str:
    failed = f", {progress.failures:,} failed" if progress.failures else ""
    rate = progress.requests / progress.elapsed_s if progress.elapsed_s else 0
    return f"{plural(progress.requests, 'request')}{failed}, {rate:,.0f}/s, {progress.elapsed_s:.0f} s"
