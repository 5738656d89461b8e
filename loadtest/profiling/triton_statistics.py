"""What a Triton replica says of itself over its HTTP port: its instances, and the seconds of batches by their size.

From the statistics and model configuration extensions of the Open Inference Protocol. Counters never fall; what a measurement did is the
difference of two readings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.client import Client
from loadtest.target import TargetError

OK = 200
NS_PER_S = 1e9
US_PER_S = 1e6
COMPUTE = ("compute_input", "compute_infer", "compute_output")


@dataclass(frozen=True, slots=True)
class Batches:
    """Executions of one size, and the seconds that an instance worked on them."""

    executions: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Configuration:
    """Of one replica: instances that work at the same time, the largest batch, and how long the batcher waits for more (seconds)."""

    instances: int
    max_batch_size: int
    queue_delay_s: float


def read_configuration(triton: Client, url: str, model: str) -> Configuration:
    """The model's configuration.

    Raises:
        TargetError: Triton does not serve the model there.
        NoAnswerError: no answer came.
    """
    config = _get(triton, url, f"/v2/models/{model}/config")
    groups = config.get("instance_group") or []
    instances = sum(group["count"] * max(len(group.get("gpus") or []), 1) for group in groups) or 1
    delay_us = (config.get("dynamic_batching") or {}).get("max_queue_delay_microseconds", 0)
    return Configuration(instances, max(config.get("max_batch_size", 1), 1), delay_us / US_PER_S)


def read_batches(triton: Client, url: str, model: str, version: int | None) -> dict[int, Batches]:
    """What was executed until now, by batch size; of one version, or of all together.

    Raises:
        TargetError: Triton does not serve the model there.
        NoAnswerError: no answer came.
    """
    stats = _get(triton, url, f"/v2/models/{model}/stats")["model_stats"]
    seen: dict[int, Batches] = {}
    for entry in stats:
        if version is not None and int(entry["version"]) != version:
            continue
        for batch in entry.get("batch_stats", ()):
            size, before = batch["batch_size"], seen.get(batch["batch_size"], Batches(0, 0.0))
            seconds = sum(batch[part]["ns"] for part in COMPUTE) / NS_PER_S
            seen[size] = Batches(before.executions + batch["compute_infer"]["count"], before.seconds + seconds)
    return seen


def difference(after: Mapping[int, Batches], before: Mapping[int, Batches]) -> dict[int, Batches]:
    """What was executed between two readings."""
    nothing = Batches(0, 0.0)
    changed = {size: (batch, before.get(size, nothing)) for size, batch in after.items()}
    return {
        size: Batches(late.executions - early.executions, late.seconds - early.seconds)
        for size, (late, early) in changed.items()
        if late.executions > early.executions
    }


def _get(triton: Client, url: str, path: str) -> dict[str, Any]:
    response = triton.get(path)
    if response.status != OK or not isinstance(response.body, dict):
        raise TargetError(f"Triton at {url} does not answer {path}: {response.reason}. --triton-url is Triton's HTTP port (8000).")
    return response.body
