"""Watches a stack while load runs: Triton's counts and the processes' CPU from the first progress of a run to its end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtest.generator.measure import Progress
from loadtest.sweep.stack.process_use import ProcessUse
from loadtest.sweep.stack.triton_statistics import BatchStatistics


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stack has done and taken until now."""

    batches: BatchStatistics
    use: ProcessUse


class Observer:
    """Takes a reading at the first progress of a run, when its cache has been warmed, and tells what came after."""

    def __init__(self, read: Callable[[], Reading], on_progress: Callable[[Progress], None]) -> None:
        self._read, self._listener = read, on_progress
        self._began: tuple[Reading, Progress] | None = None

    def on_progress(self, progress: Progress) -> None:
        """Pass progress on; read where it is the first of a run."""
        if self._began is None:
            self._began = (self._read(), progress)
        self._listener(progress)

    def observed(self, requests: int) -> dict[str, Any] | None:
        """Of the run that has ended with so many requests: batches, and CPU seconds a request by part; None of a run without progress.

        What happened before the first progress, a part of the first second, is left out on both sides.
        """
        began, self._began = self._began, None
        if began is None:
            return None
        before, progress = began
        counted = requests - progress.requests
        if counted <= 0:
            return None
        after = self._read()
        return {
            "batches": after.batches.since(before.batches).to_dict(),
            "cpu_s_per_request": {part: (after.use.cpu_s[part] - spent) / counted for part, spent in before.use.cpu_s.items()},
        }
