"""What this process takes of its cores.

That is the CPU time that it used, and the time that it was ready to run while others had the core.
"""

import resource
from pathlib import Path
from typing import NamedTuple

SCHEDSTAT = Path("/proc/self/schedstat")
NS_PER_S = 1e9


class Use(NamedTuple):
    """Seconds since the process began; `waited_s` stays 0 where the system does not count it."""

    cpu_s: float
    waited_s: float


def use_so_far() -> Use:
    """The use until now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    try:
        waited_s = int(SCHEDSTAT.read_text().split()[1]) / NS_PER_S
    except (OSError, IndexError):
        waited_s = 0.0
    return Use(usage.ru_utime + usage.ru_stime, waited_s)
