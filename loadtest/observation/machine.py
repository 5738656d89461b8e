"""The machine that a load test ran on: a report's figures mean nothing without it."""

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
BYTES_PER_GIB = 2**30


def describe_machine() -> dict[str, str | int | float]:
    """What a report says of this machine.

    It is the CPU, the cores that this process may use, the memory in GiB, the operating system,
    Python, and the load average of the last minute.
    """
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / BYTES_PER_GIB, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average_1m": round(os.getloadavg()[0], 2),
    }


def _cpu_name() -> str:
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
