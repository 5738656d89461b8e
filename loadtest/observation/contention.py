"""Measures what other work takes of this machine before and while a load runs."""

import os
import resource
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from loadtest.observation.busiest import busiest, look_at_processes
from loadtest.observation.cores import Cores, look_at_cores, own_cores
from loadtest.observation.process_table import NoProcessError, Process, is_this_machine, listeners
from loadtest.results.contention import Contention

BEFORE_S = 0.5
"""How long the machine is looked at before the load begins."""


class _Use(NamedTuple):
    """CPU seconds that a process of ours has taken, and the cores that it may use."""

    cpu_s: float
    cores: frozenset[int]


class ContentionWatch:
    """Measures from the beginning of `with` to its end; half a second passes before the first.

    The processes that listen at `url` and those of `pids` are the system under test, with their
    descendants. What descends from this process, now or later, is the load generator. Either may be
    pinned to cores of its own: the cores of each are looked at, and what is found is of those that
    lacked most. With `shared_machine`, other work is a part of what is measured, and nothing is
    looked at.
    """

    def __init__(
        self,
        url: str,
        pids: Iterable[int] = (),
        *,
        shared_machine: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._asked = not shared_machine
        self._clock = clock
        self._sleep = sleep
        self._url = url
        self._pids = tuple(pids)
        self._shared = is_this_machine(urlsplit(url).hostname or "")
        self._own_cores = own_cores()
        self._found: Contention | None = None

    def __enter__(self) -> Self:
        if not self._asked:
            return self
        self._load_average = os.getloadavg()[0]
        self._looked_s, self._cores_before = self._clock(), look_at_cores()
        self._sleep(BEFORE_S)
        self._began_s, self._cores_then = self._clock(), look_at_cores()
        self._roots = {*self._pids, *listeners(self._url)}
        self._children_then = frozenset(_descendants(os.getpid()))
        self._uses_then, self._reaped_then_s, self._all_then = self._uses(), _reaped_s(), look_at_processes()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._asked:
            return
        elapsed_s, cores_now = self._clock() - self._began_s, look_at_cores()
        uses = self._uses()
        sets = {self._own_cores, *(use.cores for use in (*self._uses_then.values(), *uses.values()) if self._shared)}
        lacking = {cores: self._contention(cores, uses, cores_now, elapsed_s) for cores in sets}
        worst = max(lacking, key=lambda cores: (lacking[cores].taken_share, len(cores)))
        ours = {os.getpid(), *self._uses_then, *uses}
        named = busiest(self._all_then, look_at_processes(), elapsed_s, but=ours, cores=worst)
        self._found = replace(lacking[worst], busiest=named)

    @property
    def found(self) -> Contention | None:
        """What was measured; None before the end of `with`, and where nothing was looked at."""
        return self._found

    def _contention(self, cores: frozenset[int], uses: Mapping[int, _Use], now: Cores, elapsed_s: float) -> Contention:
        """What others took of these cores."""
        then = self._uses_then
        ours_s = sum(use.cpu_s - (then[pid].cpu_s if pid in then else 0.0) for pid, use in uses.items() if use.cores & cores)
        if self._own_cores & cores:
            ours_s += _reaped_s() - self._reaped_then_s
            # of a child that has ended all its seconds were added, those from before as well
            ours_s -= sum(use.cpu_s for pid, use in then.items() if pid not in uses and pid in self._children_then)

        def share(used_s: float, of_s: float) -> float:
            return round(min(max(used_s / (of_s * len(cores)), 0.0), 1.0), 4) if of_s > 0 else 0.0

        looked_s = self._began_s - self._looked_s
        busy_before_s = self._cores_then.busy_of(cores) - self._cores_before.busy_of(cores)
        others_s = now.busy_of(cores) - self._cores_then.busy_of(cores) - ours_s
        told = not self._shared or bool(self._roots)
        return Contention(
            cores=len(cores),
            load_average_1m=round(self._load_average, 2),
            before_share=share(busy_before_s, looked_s),
            others_share=share(others_s, elapsed_s) if told else None,
            steal_share=share(now.steal_of(cores) - self._cores_then.steal_of(cores), elapsed_s),
            shared=self._shared,
        )

    def _uses(self) -> dict[int, _Use]:
        """What the system's processes have taken, and those that descend from this one."""
        pids = {pid for root in (os.getpid(), *self._roots) for pid in (root, *_descendants(root))} - {os.getpid()}
        return {pid: use for pid in pids if (use := self._use(pid)) is not None}

    def _use(self, pid: int) -> _Use | None:
        try:
            process = Process(pid)
        except NoProcessError:
            return None
        taken = process.taken()
        return None if taken is None else _Use(taken.cpu_s, process.cores() or self._own_cores)


def _reaped_s() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    uses = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _descendants(pid: int) -> list[int]:
    try:
        return Process(pid).children()
    except NoProcessError:
        return []
