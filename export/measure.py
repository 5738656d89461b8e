"""Speed of the fp32 and of the packaged graph: one thread, the same length-sorted batches, in turn, so that both see the same machine."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from export.batches import BatchInputs, Run, length_sorted, pad, spread_over_lengths
from export.graph import Graph
from export.tokenization import Encoded
from model_repository.manifest import Speed

BATCH_SIZE = 8
TEXTS = 48
SECONDS_EACH = 2.0


@dataclass(frozen=True)
class Workload:
    """Padded batches of texts that spread over the evaluation set's lengths."""

    batches: list[BatchInputs]
    texts: int

    @classmethod
    def of(cls, encoded: Encoded) -> "Workload":
        """At most `TEXTS` texts in batches of `BATCH_SIZE`."""
        rows = spread_over_lengths(encoded, TEXTS)
        chosen = Encoded([encoded.ids[row] for row in rows], [encoded.type_ids[row] for row in rows], encoded.pad_id)
        return cls([pad(chosen, batch) for batch in length_sorted(chosen, BATCH_SIZE)], len(rows))

    def pass_s(self, run: Run, clock: Callable[[], float]) -> float:
        """Seconds of one pass over the batches."""
        begin = clock()
        for batch in self.batches:
            run(batch)
        return clock() - begin


def measure_speed(fp32: Path, packaged: Path, output: str, encoded: Encoded, seconds_each: float = SECONDS_EACH) -> Speed:
    """Texts per second of both graphs: medians over passes in turn, about `seconds_each` of measuring for each graph."""
    workload = Workload.of(encoded)
    fp32_s, packaged_s = time_in_turn(Graph(fp32, output, threads=1), Graph(packaged, output, threads=1), workload, seconds_each)
    return Speed(
        fp32_texts_per_s=round(workload.texts / fp32_s, 1),
        packaged_texts_per_s=round(workload.texts / packaged_s, 1),
        texts=workload.texts,
        batch_size=BATCH_SIZE,
    )


def time_in_turn(
    first: Run, second: Run, workload: Workload, seconds_each: float, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Median seconds of a pass for each of two models.

    After a pass each to warm up they run in turn until the first has had its seconds, three times at least.
    """
    workload.pass_s(first, clock)
    workload.pass_s(second, clock)
    passes: list[tuple[float, float]] = []
    while len(passes) < 3 or sum(a for a, _ in passes) < seconds_each:
        passes.append((workload.pass_s(first, clock), workload.pass_s(second, clock)))
    return statistics.median(a for a, _ in passes), statistics.median(b for _, b in passes)
