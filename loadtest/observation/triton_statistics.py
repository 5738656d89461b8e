"""What a Triton replica says over its HTTP port: its instances, its queue, its batches by size.

It comes from the statistics and model configuration extensions of the Open Inference Protocol.
Counters never fall; what happened during a measurement is the difference of two readings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from loadtest.target.client import Client
from loadtest.target.readiness import TargetError

OK = 200
NS_PER_S = 1e9
US_PER_S = 1e6
MS_PER_S = 1e3
COMPUTE = ("compute_input", "compute_infer", "compute_output")


@dataclass(frozen=True, slots=True)
class Batches:
    """Executions of one batch size, and the seconds that instances worked on them."""

    executions: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts until now.

    They are calls, texts, executions (batches), the seconds that calls waited in the queue, and the
    executions by their number of texts.
    """

    calls: int = 0
    texts: int = 0
    executions: int = 0
    queue_s: float = 0.0
    batches: Mapping[int, Batches] = field(default_factory=dict)

    def since(self, before: Self) -> "Statistics":
        """What was counted since an earlier reading."""
        return Statistics(
            self.calls - before.calls,
            self.texts - before.texts,
            self.executions - before.executions,
            self.queue_s - before.queue_s,
            difference(self.batches, before.batches),
        )

    def to_dict(self) -> dict[str, Any]:
        """Means and counts as JSON values: times in milliseconds, null for a mean of nothing."""
        batches = sorted(self.batches.items())
        return {
            "calls": self.calls,
            "texts": self.texts,
            "executions": self.executions,
            "mean_batch_texts": self.texts / self.executions if self.executions else None,
            "mean_call_texts": self.texts / self.calls if self.calls else None,
            "mean_queue_ms": self.queue_s / self.calls * MS_PER_S if self.calls else None,
            "sizes": {str(size): batch.executions for size, batch in batches},
            "batch_ms": {str(size): batch.seconds / batch.executions * MS_PER_S for size, batch in batches},
        }


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of one replica.

    `instances` work at the same time; the batcher waits `queue_delay_s` seconds for a larger batch.
    """

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


def read_statistics(triton: Client, url: str, model: str, version: int | None) -> Statistics:
    """What was counted until now for one version, or for all together (None).

    Raises:
        TargetError: Triton does not serve the model there.
        NoAnswerError: no answer came.
    """
    stats = _get(triton, url, f"/v2/models/{model}/stats")["model_stats"]
    return parse_statistics([entry for entry in stats if version is None or int(entry["version"]) == version])


def read_batches(triton: Client, url: str, model: str, version: int | None) -> dict[int, Batches]:
    """What was executed until now, by batch size, of one version or of all together (None).

    Raises:
        TargetError: Triton does not serve the model there.
        NoAnswerError: no answer came.
    """
    return dict(read_statistics(triton, url, model, version).batches)


def parse_statistics(entries: list[dict[str, Any]]) -> Statistics:
    """The sum of entries of Triton's `model_stats`, which leave out what is zero."""
    times = [entry.get("inference_stats", {}) for entry in entries]
    batches: dict[int, Batches] = {}
    for batch in (batch for entry in entries for batch in entry.get("batch_stats", ())):
        before = batches.get(batch["batch_size"], Batches(0, 0.0))
        seconds = sum(batch.get(part, {}).get("ns", 0) for part in COMPUTE) / NS_PER_S
        batches[batch["batch_size"]] = Batches(before.executions + batch["compute_infer"].get("count", 0), before.seconds + seconds)
    return Statistics(
        calls=sum(time.get("success", {}).get("count", 0) for time in times),
        texts=sum(entry.get("inference_count", 0) for entry in entries),
        executions=sum(entry.get("execution_count", 0) for entry in entries),
        queue_s=sum(time.get("queue", {}).get("ns", 0) for time in times) / NS_PER_S,
        batches=batches,
    )


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
