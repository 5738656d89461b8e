"""Watches a stack under one run after the other.

Each run is watched from its first progress, when its cache has been warmed, to its end.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from loadtest.observation.process_table import NoProcessError
from loadtest.observation.triton_statistics import Statistics
from loadtest.observation.watch import Watch
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.point import PARTS, Seen
from loadtest.results.observed import Observed
from loadtest.results.progress import Progress, ignore
from loadtest.target.gateway_process import RunningGateway


class WatchedRun:
    """One run. What happens before its first progress, a part of a second, is left out."""

    def __init__(self, watch: Watch, read: Callable[[], Statistics]) -> None:
        self._watch, self._read = watch, read
        self._hear = watch.listener(ignore)
        self._began: tuple[Statistics, Progress] | None = None
        self._open = ExitStack()

    def on_progress(self, progress: Progress) -> None:
        """Begin to watch at the first progress of the run."""
        if self._began is None:
            self._began = self._read(), progress
            self._open.enter_context(self._watch)
        self._hear(progress)

    def close(self) -> None:
        """The run is over: take the last sample."""
        self._open.close()

    def seen(self, requests: int) -> Seen | None:
        """What was seen of the run, which is over and had so many requests.

        None of a run without progress.

        Raises:
            NoAnswerError, TargetError: Triton's statistics could not be read.
        """
        if self._began is None:
            return None
        before, progress = self._began
        counted = requests - progress.requests
        if counted <= 0:
            return None
        observed = self._watch.observed()
        return Seen(self._read().since(before), cpu_s_per_request(observed, counted), observed)


class Observer:
    """Watches the gateway and its descendants; `read` gives Triton's statistics until now.

    It must be given the progress of the runs, which it passes on.
    """

    def __init__(self, gateway: RunningGateway, read: Callable[[], Statistics], on_progress: Callable[[Progress], None]) -> None:
        self._gateway, self._read, self._listener = gateway, read, on_progress
        self._run: WatchedRun | None = None

    def on_progress(self, progress: Progress) -> None:
        """A run goes on."""
        if self._run is not None:
            self._run.on_progress(progress)
        self._listener(progress)

    @contextmanager
    def watching(self) -> Iterator[WatchedRun]:
        """Watch the run that is made meanwhile.

        Raises:
            SweepError: the gateway is gone.
        """
        try:
            run = WatchedRun(Watch(self._gateway.url, [self._gateway.pid]), self._read)
        except NoProcessError as exc:
            raise SweepError(f"the gateway has ended: {exc}") from exc
        self._run = run
        try:
            yield run
        finally:
            self._run = None
            run.close()


def cpu_s_per_request(observed: Observed, requests: int) -> dict[str, float] | None:
    """CPU seconds of each part of the stack for one request; None where no process was seen."""
    if not observed.processes:
        return None
    return {part: sum(use.cpu_s or 0.0 for use in observed.processes if use.role == part) / requests for part in PARTS}
