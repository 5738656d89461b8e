"""What this process may use of the machine."""

import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def cores(cgroups: Path = CGROUPS) -> int:
    """CPU cores that this process may use, at least 1.

    They are those of its affinity, or fewer where its control group has a quota. A quota is how
    Kubernetes and Docker limit a container, which still sees every core of its node; a part of a
    core does not count, since threads above the quota are stopped until the next period.
    """
    affinity = len(os.sched_getaffinity(0))
    quota, period = _quota_v2(cgroups) or _quota_v1(cgroups) or (affinity, 1)
    return max(1, min(affinity, quota // period))


def _quota_v2(cgroups: Path) -> tuple[int, int] | None:
    try:
        quota, period = (cgroups / "cpu.max").read_text().split()
    except FileNotFoundError:
        return None
    return None if quota == "max" else (int(quota), int(period))


def _quota_v1(cgroups: Path) -> tuple[int, int] | None:
    try:
        quota, period = (int((cgroups / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
    except FileNotFoundError:
        return None
    return None if quota < 0 else (quota, period)
