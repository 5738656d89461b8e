"""Samples the stack once a second, in a thread of its own, while a load runs."""

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from types import TracebackType
from typing import Self

from loadtest.observation.process_names import http_address, metrics_address
from loadtest.observation.process_table import listeners
from loadtest.observation.triton_metrics import MetricsError, WatchedTriton
from loadtest.observation.watched_processes import WatchedProcesses
from loadtest.results.observed import Observed
from loadtest.results.progress import OnProgress, Progress

INTERVAL_S = 1.0
FIND_EVERY = 5
"""Samples between two searches for new processes, which read the whole table of processes."""


class Watch:
    """Watches the stack from the beginning of `with` to its end.

    `listener` has to be given the load's progress, from which follows when the load began.

    Args:
        gateway_url: where the load goes; the processes of this machine that listen there are
            watched.
        pids: more processes, which are watched with their descendants.
        triton_urls: where Tritons show metrics; those that are found on this machine are added.
        now_s: a clock.

    Raises:
        NoProcessError: one of `pids` is not there.
        MetricsError: one of `triton_urls` shows no metrics of a Triton.
    """

    def __init__(
        self, gateway_url: str, pids: Sequence[int] = (), triton_urls: Sequence[str] = (), now_s: Callable[[], float] = monotonic
    ) -> None:
        self._now_s = now_s
        self._began_s: float | None = None
        self._started_s = now_s()
        self._notes: list[str] = []
        self._processes = WatchedProcesses(list(dict.fromkeys([*pids, *listeners(gateway_url)])), now_s)
        self._tritons = [WatchedTriton(url, now_s) for url in triton_urls]
        self._tritons += self._found_tritons({triton.url for triton in self._tritons})
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="loadtest-watch", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self._look()
        for triton in self._tritons:
            triton.close()

    def listener(self, on_progress: OnProgress) -> OnProgress:
        """The listener that has to be given the progress of the load, which it passes on."""

        def hear(progress: Progress) -> None:
            # progress arrives late, never early: the earliest beginning that follows from it is the
            # nearest to the true one
            began_s = self._now_s() - progress.elapsed_s
            self._began_s = began_s if self._began_s is None else min(self._began_s, began_s)
            on_progress(progress)

        return hear

    @property
    def triton_http_urls(self) -> list[str]:
        """Where the Tritons among the watched processes answer HTTP."""
        return [http_address(command) for command in self._processes.tritons]

    def observed(self) -> Observed:
        """What was seen until now, in seconds since the load began.

        Where the load never began, they are seconds since the watch was made.
        """
        began_s = self._started_s if self._began_s is None else self._began_s
        return Observed(self._processes.uses(began_s), [triton.use(began_s) for triton in self._tritons], list(self._notes))

    def _found_tritons(self, known: set[str]) -> list[WatchedTriton]:
        found = []
        for command in self._processes.tritons:
            url = metrics_address(command)
            if url is None or url in known:
                continue
            try:
                found.append(WatchedTriton(url, self._now_s))
            except MetricsError as exc:
                self._notes.append(str(exc))
        return found

    def _look_on(self) -> None:
        looks = 0
        while not self._over.wait(INTERVAL_S):
            looks += 1
            if looks <= FIND_EVERY or looks % FIND_EVERY == 0:
                self._processes.find()
            self._look()

    def _look(self) -> None:
        self._processes.look()
        for triton in self._tritons:
            triton.look()
