"""The plan as values of the chart `helm/headrace`. Pure.

They are replicas, the autoscaler's bounds, resources and Valkey's memory.
"""

import math
from typing import Any

import yaml

from loadtest.planning.capacity.cache_memory import BYTES_PER_MIB, FRAGMENTATION, CacheMemory
from loadtest.planning.capacity.prediction import Deployment
from loadtest.planning.capacity.profile import Profile

MEMORY_LIMIT = 1.5
"""Limit / request, where a pod's memory was measured."""
AIM_BELOW_CEILING = 0.9


def helm_values(profile: Profile, today: Deployment, planned: Deployment, memory: CacheMemory, most_utilization: float) -> dict[str, Any]:
    """Values by the chart's own names.

    The autoscaler keeps between `today` (what the rate asks for without growth) and `planned`
    gateways, and aims at a use of CPU a tenth beneath the highest one planned with. Triton has no
    autoscaler in the chart: its replicas are the planned ones.
    """
    gateway: dict[str, Any] = {
        "workers": profile.gateway.workers,
        "autoscaling": {
            "enabled": True,
            "minReplicas": today.gateways,
            "maxReplicas": max(planned.gateways, today.gateways),
            "targetCPUUtilizationPercentage": int(100 * most_utilization * AIM_BELOW_CEILING),
        },
        "resources": _resources(cpus=float(profile.gateway.workers), memory_bytes=profile.gateway.memory_bytes),
    }
    triton: dict[str, Any] = {
        "replicas": planned.triton_replicas,
        "gpu": {"enabled": profile.triton.gpus > 0, "count": max(profile.triton.gpus, 1)},
        "resources": _resources(cpus=profile.triton.cpus, memory_bytes=profile.triton.memory_bytes),
    }
    if not profile.triton.gpus:
        triton["tolerations"] = []
    request_mib = math.ceil(memory.max_memory_mib * FRAGMENTATION)
    valkey = {
        "enabled": True,
        "maxMemory": f"{memory.max_memory_mib}mb",
        "resources": {"requests": {"memory": f"{request_mib}Mi"}, "limits": {"memory": f"{math.ceil(request_mib * MEMORY_LIMIT)}Mi"}},
    }
    return {"gateway": _without_empty(gateway), "triton": _without_empty(triton), "valkey": valkey}


def render_values(values: dict[str, Any], heading: str) -> str:
    """The YAML file: the heading as comments, then the values."""
    comments = "".join(f"# {line}\n" for line in heading.splitlines())
    return comments + yaml.safe_dump(values, sort_keys=False)


def _resources(cpus: float | None, memory_bytes: float | None) -> dict[str, Any]:
    """A pod's requests and its memory limit; what was not measured stays as the chart has it."""
    requests: dict[str, str] = {}
    resources: dict[str, Any] = {}
    if cpus is not None:
        requests["cpu"] = f"{math.ceil(cpus * 1000)}m"
    if memory_bytes is not None:
        mib = math.ceil(memory_bytes / BYTES_PER_MIB)
        requests["memory"] = f"{mib}Mi"
        resources["limits"] = {"memory": f"{math.ceil(mib * MEMORY_LIMIT)}Mi"}
    return {"requests": requests, **resources} if requests else {}


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value != {}}
