"""Measures what other work takes of this machine before and while a load runs."""

import os
import resource
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import psutil

from loadtest.observation.process_table import NoProcessError, Process, is_this_machine, listeners
from loadtest.results.contention import Contention

BEFORE_S = 0.5
"""How long the machine is looked at before the load begins."""


class _Cores(NamedTuple):
    """Seconds of all cores that this process may use, since the machine was started."""

    busy_s: float
    steal_s: float


class ContentionWatch:
    """Measures from the beginning of `with` to its end; half a second passes before the first.

    The processes that listen at `url` and those of `pids` are the gateway, with their descendants.
    What descends from this process, now or later, is the load generator. With `shared_machine`,
    other work is a part of what is measured, and nothing is looked at.
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
        self._numbers = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
        self._found: Contention | None = None

    def __enter__(self) -> Self:
        if not self._asked:
            return self
        self._load_average = os.getloadavg()[0]
        began_s, before = self._clock(), self._cores()
        self._sleep(BEFORE_S)
        self._began_s, self._cores_then = self._clock(), self._cores()
        self._before_share = self._share(self._cores_then.busy_s - before.busy_s, self._began_s - began_s)
        self._roots = {*self._pids, *listeners(self._url)}
        self._children_then = frozenset(_descendants(os.getpid()))
        self._processes_then, self._ours_then_s = self._processes(), _reaped_s()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._asked:
            return
        elapsed_s, cores = self._clock() - self._began_s, self._cores()
        then, now = self._processes_then, self._processes()
        ours_s = _reaped_s() - self._ours_then_s + sum(cpu_s - then.get(pid, 0.0) for pid, cpu_s in now.items())
        # of a child that has ended all its seconds were added, those from before as well
        ours_s -= sum(cpu_s for pid, cpu_s in then.items() if pid not in now and pid in self._children_then)
        others_s = cores.busy_s - self._cores_then.busy_s - ours_s
        told = not self._shared or bool(self._roots)
        self._found = Contention(
            cores=len(self._numbers),
            load_average_1m=round(self._load_average, 2),
            before_share=round(self._before_share, 4),
            others_share=round(self._share(others_s, elapsed_s), 4) if told else None,
            steal_share=round(self._share(cores.steal_s - self._cores_then.steal_s, elapsed_s), 4),
            shared=self._shared,
        )

    @property
    def found(self) -> Contention | None:
        """What was measured; None before the end of `with`, and where nothing was looked at."""
        return self._found

    def _share(self, used_s: float, elapsed_s: float) -> float:
        return min(max(used_s / (elapsed_s * len(self._numbers)), 0.0), 1.0) if elapsed_s > 0 else 0.0

    def _cores(self) -> _Cores:
        times = psutil.cpu_times(percpu=True)
        mine = [times[number] for number in self._numbers if number < len(times)]
        # interrupts are left out: on the loopback they are the load's own
        busy_s = sum(core.user + core.system + getattr(core, "nice", 0.0) for core in mine)
        return _Cores(busy_s, sum(getattr(core, "steal", 0.0) for core in mine))

    def _processes(self) -> dict[int, float]:
        """CPU seconds of the gateway's processes and of those that descend from this one."""
        pids = {pid for root in (os.getpid(), *self._roots) for pid in (root, *_descendants(root))} - {os.getpid()}
        return {pid: cpu_s for pid in pids if (cpu_s := _cpu_s(pid)) is not None}


def _reaped_s() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    uses = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _descendants(pid: int) -> list[int]:
    try:
        return Process(pid).children()
    except NoProcessError:
        return []


def _cpu_s(pid: int) -> float | None:
    try:
        taken = Process(pid).taken()
    except NoProcessError:
        return None
    return None if taken is None else taken.cpu_s
