"""What Triton counts of a version's batches: from its statistics endpoint, and the difference of two readings. Pure but for `read`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from loadtest.client import Client
from loadtest.sweep.errors import SweepError

OK = 200
NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class BatchStatistics:
    """Counts and seconds since Triton began: calls, texts, executions (batches), time in the queue and in the backend.

    `sizes` counts executions by their texts; `size_s` is the time that they took, by their texts.
    """

    calls: int = 0
    texts: int = 0
    executions: int = 0
    queue_s: float = 0.0
    backend_s: float = 0.0
    sizes: Mapping[int, int] | None = None
    size_s: Mapping[int, float] | None = None

    def since(self, before: Self) -> "BatchStatistics":
        """What came after an earlier reading."""
        return BatchStatistics(
            self.calls - before.calls,
            self.texts - before.texts,
            self.executions - before.executions,
            self.queue_s - before.queue_s,
            self.backend_s - before.backend_s,
            _less(self.sizes or {}, before.sizes or {}),
            _less(self.size_s or {}, before.size_s or {}),
        )

    def to_dict(self) -> dict[str, Any]:
        """Means and counts, as JSON values: times in milliseconds, a mean of nothing is null."""
        return {
            "calls": self.calls,
            "texts": self.texts,
            "executions": self.executions,
            "mean_batch_texts": self.texts / self.executions if self.executions else None,
            "mean_call_texts": self.texts / self.calls if self.calls else None,
            "mean_queue_ms": self.queue_s / self.calls * 1e3 if self.calls else None,
            "sizes": {str(size): count for size, count in sorted((self.sizes or {}).items()) if count},
            "batch_ms": {
                str(size): seconds / count * 1e3
                for size, seconds in sorted((self.size_s or {}).items())
                if (count := (self.sizes or {}).get(size, 0))
            },
        }


def read(address: str, model: str, version: int) -> BatchStatistics:
    """What Triton at `host:port` has counted of a version.

    Raises:
        SweepError: it does not tell.
        NoAnswerError: it does not answer.
    """
    with Client(f"http://{address}") as client:
        response = client.get(f"/v2/models/{model}/versions/{version}/stats")
    if response.status != OK:
        raise SweepError(f"Triton's statistics of {model} version {version} cannot be read: {response.reason}")
    return parse(response.body["model_stats"][0])


def triton_version(address: str) -> str:
    """The version that Triton says it is.

    Raises:
        NoAnswerError: it does not answer.
    """
    with Client(f"http://{address}") as client:
        said = client.get("/v2").body
    return str(said.get("version", "")) if isinstance(said, dict) else ""


def parse(stats: Mapping[str, Any]) -> BatchStatistics:
    """One entry of `model_stats`; Triton leaves out what is zero."""
    by_size = {batch["batch_size"]: batch["compute_infer"] for batch in stats.get("batch_stats", ())}
    times = stats["inference_stats"]
    return BatchStatistics(
        calls=times["success"].get("count", 0),
        texts=stats.get("inference_count", 0),
        executions=stats.get("execution_count", 0),
        queue_s=times["queue"].get("ns", 0) / NS_PER_S,
        backend_s=times["compute_infer"].get("ns", 0) / NS_PER_S,
        sizes={size: infer.get("count", 0) for size, infer in by_size.items()},
        size_s={size: infer.get("ns", 0) / NS_PER_S for size, infer in by_size.items()},
    )


def _less(after: Mapping[int, Any], before: Mapping[int, Any]) -> dict[int, Any]:
    return {size: value - before.get(size, 0) for size, value in after.items()}
