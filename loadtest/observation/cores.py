"""What the cores of this machine did, each on its own."""

import os
from collections.abc import Iterable
from typing import NamedTuple

import psutil


class Cores(NamedTuple):
    """Seconds that each core was busy, and that the hypervisor kept from it, since the start."""

    busy_s: tuple[float, ...]
    steal_s: tuple[float, ...]

    def busy_of(self, numbers: Iterable[int]) -> float:
        """Busy seconds of these cores together."""
        return sum(self.busy_s[number] for number in numbers if number < len(self.busy_s))

    def steal_of(self, numbers: Iterable[int]) -> float:
        """Stolen seconds of these cores together."""
        return sum(self.steal_s[number] for number in numbers if number < len(self.steal_s))


def look_at_cores() -> Cores:
    """The counts now. Interrupts are left out: on the loopback they are the load's own."""
    times = psutil.cpu_times(percpu=True)
    return Cores(
        tuple(core.user + core.system + getattr(core, "nice", 0.0) for core in times),
        tuple(getattr(core, "steal", 0.0) for core in times),
    )


def own_cores() -> frozenset[int]:
    """The numbers of the cores that this process may use."""
    return frozenset(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))
