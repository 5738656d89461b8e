"""The candidates of `precision: auto`: which a target has, and which of those tried is best.

Pure: no graph is touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import geometric_mean

from export.recipe.precision import RecipePrecision
from model_repository.measured import Optimization, Target, TriedCandidate

_LEVELS: tuple[Optimization, ...] = ("O1", "O2", "O3")


@dataclass(frozen=True)
class Candidate:
    """One way to make the packaged graph."""

    precision: RecipePrecision
    optimization: Optimization | None = None

    def __str__(self) -> str:
        return f"{self.precision} {self.optimization}" if self.optimization else self.precision


def candidates(target: Target, *, optimizable: bool) -> list[Candidate]:
    """The candidates for a target, the default first, plain before optimized.

    `optimizable`: Optimum can fuse this architecture's nodes. Static int8 is not a candidate:
    TensorRT serves it, which cannot be timed where versions are exported.
    """
    if target == "gpu":
        return [Candidate("fp16"), *([Candidate("fp16", "O4")] if optimizable else []), Candidate("fp32")]
    levels = (None, *_LEVELS) if optimizable else (None,)
    return [Candidate(precision, level) for precision in ("int8", "fp32") for level in levels]


def best(tried: Sequence[TriedCandidate]) -> int | None:
    """The index of the fastest candidate that passes the gate; None where none passes.

    The fastest has the smallest geometric mean of its latencies, so that each batch shape counts
    equally. Where nothing could be timed, the first that passes is the best; the earlier of equals
    is taken.
    """
    passing = [at for at, row in enumerate(tried) if row.passes]
    timed = [at for at in passing if tried[at].latencies]
    if timed:
        return min(timed, key=lambda at: geometric_mean(latency.ms for latency in tried[at].latencies))
    return passing[0] if passing else None
