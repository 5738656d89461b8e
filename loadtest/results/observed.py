"""What was seen of the stack while a load ran: processes and Tritons over time. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ROLES = ("gateway", "triton", "cache", "generator", "other")


@dataclass(frozen=True, slots=True)
class ProcessPoint:
    """What a process took in the time before `at_s`, and the memory that it had then.

    `cpu_cores` is 1 for one core all the time.
    """

    at_s: float
    cpu_cores: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """One process.

    `role` is one of `ROLES`. `ended_s` is when the process was found gone (None: it was there to
    the end). `cpu_s` is the CPU time in seconds over the time of the series (None in reports that
    were written before it was kept).

    Memory is resident memory. Processes may share parts of it, so that the sum may be more than
    they take together.
    """

    name: str
    role: str
    pid: int
    series: list[ProcessPoint]
    ended_s: float | None = None
    cpu_s: float | None = None

    @property
    def mean_cores(self) -> float:
        """The mean number of cores over the time that it was seen."""
        return sum(point.cpu_cores for point in self.series) / len(self.series) if self.series else 0.0

    @property
    def most_cores(self) -> float:
        """The highest number of cores between two samples."""
        return max((point.cpu_cores for point in self.series), default=0.0)

    @property
    def most_memory_bytes(self) -> int:
        """The most resident memory at a sample."""
        return max((point.memory_bytes for point in self.series), default=0)


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What a Triton counted for one version of a model between the first and the last sample.

    `inferences` are texts, and `executions` the batches that Triton formed of them; the durations
    are sums over `requests`. The `headrace` backend counts the rest: `sub_batches` by their number
    of rows (`3-4`), and tokens. With another backend these are empty or None.
    """

    model: str
    version: str
    requests: int
    failures: int
    inferences: int
    executions: int
    queue_s: float
    compute_s: float
    sub_batches: dict[str, int] = field(default_factory=dict)
    tokens: int | None = None
    padding_tokens: int | None = None

    @property
    def mean_batch(self) -> float | None:
        """Texts per batch; None where nothing was executed."""
        return self.inferences / self.executions if self.executions else None

    @property
    def padding_share(self) -> float | None:
        """The share of computed tokens that only filled rows up; None where it is not counted."""
        total = (self.tokens or 0) + (self.padding_tokens or 0)
        return (self.padding_tokens or 0) / total if total else None


@dataclass(frozen=True, slots=True)
class TritonPoint:
    """What a Triton did in the time before `at_s`, over all models.

    `pending` requests waited at that time. `mean_batch` is None where nothing was executed.
    """

    at_s: float
    inferences_per_s: float
    executions_per_s: float
    mean_batch: float | None
    pending: int


@dataclass(frozen=True, slots=True)
class GpuPoint:
    """A GPU at one time: the share of time that it was busy, and the memory in use."""

    at_s: float
    utilization: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class GpuUse:
    """One GPU, from Triton's metrics."""

    gpu: str
    memory_total_bytes: int
    series: list[GpuPoint]

    @property
    def mean_utilization(self) -> float:
        """The share of time that it was busy, over the samples."""
        return sum(point.utilization for point in self.series) / len(self.series) if self.series else 0.0

    @property
    def most_memory_bytes(self) -> int:
        """The most memory in use at a sample."""
        return max((point.memory_bytes for point in self.series), default=0)


@dataclass(frozen=True, slots=True)
class TritonUse:
    """One Triton.

    `silent_s` is when its metrics began to be unreadable (None: they could be read to the end).
    """

    url: str
    models: list[ModelUse]
    series: list[TritonPoint]
    gpus: list[GpuUse]
    silent_s: float | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """All that was watched; times are seconds since the load began.

    `notes` say what could not be watched, a sentence each.
    """

    processes: list[ProcessUse] = field(default_factory=list)
    tritons: list[TritonUse] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of_role(self, role: str) -> list[ProcessPoint]:
        """The sum of the processes of one role, which are all sampled at the same times."""
        sums: dict[float, ProcessPoint] = {}
        for point in (point for use in self.processes if use.role == role for point in use.series):
            before = sums.get(point.at_s, ProcessPoint(point.at_s, 0.0, 0))
            sums[point.at_s] = ProcessPoint(point.at_s, before.cpu_cores + point.cpu_cores, before.memory_bytes + point.memory_bytes)
        return [sums[at_s] for at_s in sorted(sums)]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Observed":
        """What `dataclasses.asdict` made of an `Observed`, also by way of JSON."""
        return cls(
            [ProcessUse(**{**use, "series": _all(ProcessPoint, use["series"])}) for use in values["processes"]],
            [
                TritonUse(
                    **{
                        **use,
                        "models": _all(ModelUse, use["models"]),
                        "series": _all(TritonPoint, use["series"]),
                        "gpus": [GpuUse(**{**gpu, "series": _all(GpuPoint, gpu["series"])}) for gpu in use["gpus"]],
                    }
                )
                for use in values["tritons"]
            ],
            list(values["notes"]),
        )


def _all(kind: type[Any], values: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [kind(**each) for each in values]
