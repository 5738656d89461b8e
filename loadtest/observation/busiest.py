"""Which processes of this machine took the most CPU between two looks."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

import psutil

from loadtest.observation.process_names import describe_process
from loadtest.results.contention import BusyProcess

MOST_NAMED = 3
LEAST_CORES = 0.05
"""A process that took less is worth no word."""


class Seen(NamedTuple):
    """A process at one moment: its name for the kernel, and the CPU seconds that it has taken."""

    name: str
    cpu_s: float


def look_at_processes() -> dict[tuple[int, float], Seen]:
    """All processes that can be seen, by id and beginning."""
    found = {}
    for process in psutil.process_iter(["name", "cpu_times", "create_time"]):
        times = process.info["cpu_times"]
        if times is not None:
            found[process.pid, process.info["create_time"]] = Seen(process.info["name"], times.user + times.system)
    return found


def busiest(
    then: Mapping[tuple[int, float], Seen],
    now: Mapping[tuple[int, float], Seen],
    elapsed_s: float,
    *,
    but: Collection[int],
    cores: Collection[int],
) -> tuple[BusyProcess, ...]:
    """Those that took the most of `cores` in between, the busiest first.

    The ids in `but` are not among them. One that began and ended in between is not seen.
    """
    if elapsed_s <= 0:
        return ()
    taken = [
        BusyProcess(key[0], seen.name, round((seen.cpu_s - (then[key].cpu_s if key in then else 0.0)) / elapsed_s, 2))
        for key, seen in now.items()
        if key[0] not in but
    ]
    most = sorted((one for one in taken if one.cores >= LEAST_CORES), key=lambda one: -one.cores)
    return tuple(_described(one) for one in most if _may_use(one.pid, cores))[:MOST_NAMED]


def _described(process: BusyProcess) -> BusyProcess:
    """The same by what it runs, of which the kernel's name may say little (`python`)."""
    try:
        command = psutil.Process(process.pid).cmdline()
    except psutil.Error:
        return process  # gone, or not ours to look at
    return replace(process, name=describe_process(command, process.name))


def _may_use(pid: int, cores: Collection[int]) -> bool:
    try:
        allowed = psutil.Process(pid).cpu_affinity()
    except (psutil.Error, AttributeError):
        return True  # gone, or a system that tells nothing of this
    return not allowed or not set(allowed).isdisjoint(cores)
