"""Watches a stack while load runs: Triton's counts and the processes' CPU from the first progress of a run to its end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtest.generator.measure import Progress
from loadtest.sweep.process_use import ProcessUse
from loadtest.sweep.triton_statistics import BatchStatistics


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stack has done and taken until now."""

    batches: BatchStatistics
    use: ProcessUse


class Observer:
    """Takes a reading when a run begins, after its cache was warmed, and tells what came after.

    `on_progress` is for the run; a progress with less elapsed time than the one before is that of the next run.
    """

    def __init__(self, read: Callable[[], Reading], on_progress: Callable[[Progress], None]) -> None:
        self._read, self._listener = read, on_progress
        self._before: Reading | None = None
        self._progress: Progress | None = None
        self._elapsed_s = 0.0

    def on_progress(self, progress: Progress) -> None:
        """Pass progress on; read when a run begins."""
        if self._before is None or progress.elapsed_s < self._elapsed_s:
            self._before, self._progress = self._read(), progress
        self._elapsed_s = progress.elapsed_s
        self._listener(progress)

    def observed(self, requests: int) -> dict[str, Any] | None:
        """Of the run that has ended with so many requests: batches, and CPU seconds a request by part; None of a run without progress.

        What happened before the first progress, a part of the first second, is left out on both sides.
        """
        before, began = self._before, self._progress
        self._before = None
        if before is None or began is None or requests <= began.requests:
            return None
        after = self._read()
        counted = requests - began.requests
        return {
            "batches": after.batches.since(before.batches).to_dict(),
            "cpu_s_per_request": {part: (after.use.cpu_s[part] - spent) / counted for part, spent in before.use.cpu_s.items()},
        }
