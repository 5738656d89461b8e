"""The machine that an export ran on: its figures mean nothing without it."""

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def describe_machine() -> str:
    """CPU, cores that this process may use, and operating system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{_cpu_name()}, {cores} core{'s' if cores > 1 else ''}, {platform.system()} {platform.release()} {platform.machine()}"


def _cpu_name() -> str:
    if CPUINFO.exists():
        for line in CPUINFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
