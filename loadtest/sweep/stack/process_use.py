"""What the processes of a stack take: CPU seconds and memory of the gateway, of Triton with its backends, of the cache."""

import contextlib
from collections import defaultdict
from dataclasses import dataclass

import psutil

from loadtest.sweep.errors import SweepError

GATEWAY, TRITON, CACHE = "gateway", "triton", "cache"
PARTS = (GATEWAY, TRITON, CACHE)
PROGRAMS = {"tritonserver": TRITON, "valkey-server": CACHE, "redis-server": CACHE}
HTTP_PORT = "--http-port="


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """By part: CPU seconds (user and system) since the processes began, and memory in bytes (proportional set size)."""

    cpu_s: dict[str, float]
    memory_bytes: dict[str, int]


def use_of(pid: int) -> ProcessUse:
    """What a gateway and all that descends from it took until now; a process below Triton counts as Triton's."""
    cpu_s = dict.fromkeys(PARTS, 0.0)
    memory_bytes = dict.fromkeys(PARTS, 0)
    for part, processes in _by_part(pid).items():
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
                times, memory = process.cpu_times(), process.memory_full_info()
                cpu_s[part] += times.user + times.system
                memory_bytes[part] += memory.pss
    return ProcessUse(cpu_s, memory_bytes)


def triton_address(pid: int) -> str:
    """`host:port` of the HTTP endpoint of the tritonserver that a gateway started, from its command line.

    Raises:
        SweepError: there is none.
    """
    for process in _by_part(pid)[TRITON]:
        with contextlib.suppress(psutil.NoSuchProcess):
            for argument in process.cmdline():
                if argument.startswith(HTTP_PORT):
                    return f"127.0.0.1:{argument.removeprefix(HTTP_PORT)}"
    raise SweepError("the gateway has no tritonserver of its own whose statistics could be read")


def _by_part(pid: int) -> dict[str, list[psutil.Process]]:
    found: dict[str, list[psutil.Process]] = defaultdict(list)
    waiting = [(psutil.Process(pid), GATEWAY)]
    while waiting:
        process, part = waiting.pop()
        with contextlib.suppress(psutil.NoSuchProcess):
            own = PROGRAMS.get(process.name(), part)
            found[own].append(process)
            waiting += [(child, own) for child in process.children()]
    return found
