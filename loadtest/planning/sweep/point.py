"""One load on one configuration, as it is kept and read again. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from loadtest.observation.triton_statistics import Statistics
from loadtest.planning.search.trial import Trial, judge, unanswered
from loadtest.results.observed import Observed
from loadtest.results.results import Results
from loadtest.slo import Slo

Kind = Literal["fixed", "search"]
FIXED: Kind = "fixed"
SEARCH: Kind = "search"
PARTS = ("gateway", "triton", "cache")
"""The parts of the stack."""
LEAST_ANSWERED = 0.95
MOST_ERRORS = 0.01


@dataclass(frozen=True, slots=True)
class Seen:
    """What a stack did during a run: Triton's batches, and all that was watched over time.

    `cpu_s_per_request`: CPU seconds by part, None where no process was seen.
    """

    batches: Statistics
    cpu_s_per_request: Mapping[str, float] | None
    observed: Observed


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What Triton's batches were during a run: counts and means. A mean of nothing is None.

    `sizes` counts the batches by their texts; `batch_ms` has their mean milliseconds.
    """

    calls: int
    texts: int
    executions: int
    mean_batch_texts: float | None
    mean_call_texts: float | None
    mean_queue_ms: float | None
    sizes: Mapping[int, int]
    batch_ms: Mapping[int, float]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `from_dict` reads them back."""
        return asdict(self) | {
            "sizes": {str(size): count for size, count in self.sizes.items()},
            "batch_ms": {str(size): ms for size, ms in self.batch_ms.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BatchFigures":
        """The figures that `to_dict`, or that of `Statistics`, wrote, also by way of JSON."""
        return cls(
            **{
                **values,
                "sizes": {int(size): count for size, count in values["sizes"].items()},
                "batch_ms": {int(size): ms for size, ms in values["batch_ms"].items()},
            }
        )


@dataclass(frozen=True, slots=True)
class Point:
    """A run at `rate_rps` and what the stack did meanwhile.

    `sustained`: the system answered as much as was offered. `batches` is None where the run was not
    watched, `cpu_s_per_request` (CPU seconds by part) also where no process was seen. `results` is
    None where no request ended.
    """

    rate_rps: float
    kind: Kind
    sustained: bool
    batches: BatchFigures | None
    cpu_s_per_request: Mapping[str, float] | None
    results: Results | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, the results as a report.json; `from_dict` reads them back."""
        return {
            "rate_rps": self.rate_rps,
            "kind": self.kind,
            "sustained": self.sustained,
            "batches": None if self.batches is None else self.batches.to_dict(),
            "cpu_s_per_request": None if self.cpu_s_per_request is None else dict(self.cpu_s_per_request),
            "results": None if self.results is None else self.results.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Point":
        """The point that `to_dict` wrote, also by way of JSON.

        Raises:
            ValueError: its results were written by another version.
        """
        batches, results = values["batches"], values["results"]
        return cls(
            rate_rps=values["rate_rps"],
            kind=values["kind"],
            sustained=values["sustained"],
            batches=None if batches is None else BatchFigures.from_dict(batches),
            cpu_s_per_request=values["cpu_s_per_request"],
            results=None if results is None else Results.from_dict(results),
        )

    def trial(self, slo: Slo) -> Trial:
        """Judge the run by an SLO, which need not be the one that it was made for."""
        return unanswered(self.rate_rps) if self.results is None else judge(self.rate_rps, self.results, slo)


def point_of(rate_rps: float, kind: Kind, results: Results | None, seen: Seen | None) -> Point:
    """The point that a run gives.

    `results` is None where no request ended, `seen` where the run was not watched.
    """
    if results is not None and seen is not None:
        results = replace(results, observed=seen.observed)
    return Point(
        rate_rps=rate_rps,
        kind=kind,
        sustained=results is not None and sustained(results),
        batches=None if seen is None else BatchFigures.from_dict(seen.batches.to_dict()),
        cpu_s_per_request=None if seen is None else seen.cpu_s_per_request,
        results=results,
    )


def memory_by_part(observed: Observed) -> dict[str, int]:
    """Resident memory of each part at the last sample, bytes."""
    last = {part: observed.of_role(part)[-1:] for part in PARTS}
    return {part: points[0].memory_bytes if points else 0 for part, points in last.items()}


def sustained(results: Results) -> bool:
    """Whether the system answered as much as was offered, so that the load could go on.

    A queue that grows shows in too few answers.
    """
    if results.latency.summary_ms is None or results.requests.error_share > MOST_ERRORS:
        return False
    return results.throughput.answered_rps >= LEAST_ANSWERED * results.throughput.offered_rps
