"""Speed of graphs: the same batches for all, in turn, so that all see the same machine."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from export.checkpoints.tokenization import Encoded
from export.errors import ExportError
from export.graphs.batches import BatchInputs, Run, length_sorted, pad, spread
from export.graphs.graph import CPU, Graph
from model_repository.measured import Latency, Speed

BATCH_SIZE = 8
TEXTS = 48
SECONDS_EACH = 2.0
LATENCY_SECONDS_EACH = 0.7
"""Of each graph, where latencies of several are compared."""
LEAST_PASSES, MOST_PASSES = 5, 200

SHAPES = ((1, 0.25), (8, 0.9))
"""Batch shapes whose latency is measured.

Each is the texts in a batch, and where their length stands among the evaluation set's.
"""

CLEARLY_SLOWER = 1.1
SLOWER_PASSES = 0.8
LEAST_CALL_S = 0.002
"""A shorter call is mostly what ONNX Runtime spends on each node, whatever its precision.

It says nothing about a larger model.
"""


@dataclass(frozen=True)
class Workload:
    """Padded batches of texts that spread over the evaluation set's lengths."""

    batches: list[BatchInputs]
    texts: int

    @classmethod
    def within(cls, encoded: Encoded, run: Run, seconds: float, clock: Callable[[], float]) -> "Workload":
        """`TEXTS` texts or, of a slow model, so many that a pass takes about `seconds`."""
        usual = cls.of(encoded)
        took_s = usual.pass_s(run, clock)
        if took_s <= seconds:
            return usual
        return cls.of(encoded, max(BATCH_SIZE, int(usual.texts * seconds / took_s)))

    @classmethod
    def of(cls, encoded: Encoded, texts: int = TEXTS) -> "Workload":
        """At most so many texts in batches of `BATCH_SIZE`."""
        chosen = encoded.some(spread(encoded.lengths, texts))
        return cls([pad(chosen, batch) for batch in length_sorted(chosen, BATCH_SIZE)], len(chosen))

    def pass_s(self, run: Run, clock: Callable[[], float]) -> float:
        """Seconds of one pass over the batches."""
        begin = clock()
        for batch in self.batches:
            run(batch)
        return clock() - begin


@dataclass(frozen=True)
class Comparison:
    """Seconds of each pass of the fp32 graph and of the packaged one, in turn.

    The n-th passes of both saw the same machine.
    """

    fp32_s: Sequence[float]
    packaged_s: Sequence[float]
    workload: Workload

    @property
    def speed(self) -> Speed:
        """Texts per second of both, from their median passes."""
        texts = self.workload.texts
        return Speed(
            fp32_texts_per_s=round(texts / statistics.median(self.fp32_s), 1),
            packaged_texts_per_s=round(texts / statistics.median(self.packaged_s), 1),
            texts=texts,
            batch_size=BATCH_SIZE,
        )

    @property
    def too_small_to_tell(self) -> bool:
        """A call of the fp32 graph is shorter than `LEAST_CALL_S`."""
        return statistics.median(self.fp32_s) / len(self.workload.batches) < LEAST_CALL_S

    @property
    def clearly_slower(self) -> bool:
        """The packaged graph is slower than fp32 by more than noise.

        Its median pass takes more than `CLEARLY_SLOWER` times as long, `SLOWER_PASSES` of its
        passes take longer, and its calls are long enough to tell.
        """
        slower = sum(packaged > fp32 for fp32, packaged in zip(self.fp32_s, self.packaged_s, strict=True))
        return (
            not self.too_small_to_tell
            and statistics.median(self.packaged_s) > CLEARLY_SLOWER * statistics.median(self.fp32_s)
            and slower >= SLOWER_PASSES * len(self.fp32_s)
        )


def compare_speed(fp32: Path, packaged: Path, outputs: Sequence[str], encoded: Encoded, seconds_each: float = SECONDS_EACH) -> Comparison:
    """Time both graphs on one thread of the CPU, about `seconds_each` for each."""
    graphs = [Graph(path, outputs, threads=1) for path in (fp32, packaged)]
    workload = Workload.within(encoded, graphs[0], seconds_each, time.perf_counter)
    fp32_s, packaged_s = time_in_turn([partial(workload.pass_s, run) for run in graphs], seconds_each)
    return Comparison(fp32_s, packaged_s, workload)


def require_not_slower(found: Comparison, what: str, instead: str) -> None:
    """The packaged graph (`what`) is not clearly slower than the fp32 one that it replaces.

    Raises:
        ExportError: it is; the message says what to use `instead`.
    """
    if found.clearly_slower:
        speed = found.speed
        raise ExportError(
            f"{what} runs {speed.packaged_texts_per_s:.0f} texts/s on this machine's CPU and plain fp32 {speed.fp32_texts_per_s:.0f}, "
            f"so it would be slower than what it replaces; {instead}, or say allow_slower: true in the recipe if its size is worth that"
        )


def latencies_in_turn(
    graphs: Sequence[Path],
    outputs: Sequence[str],
    encoded: Encoded,
    seconds_each: float,
    provider: str = CPU,
    clock: Callable[[], float] = time.perf_counter,
) -> list[tuple[Latency, ...]]:
    """Median latency of each graph at each of `SHAPES`; with one thread on a CPU.

    Each graph is measured for `seconds_each` at each shape.
    """
    runs = [Graph(path, outputs, threads=1, provider=provider) for path in graphs]
    found: list[list[Latency]] = [[] for _ in graphs]
    for size, place in SHAPES:
        inputs = batch_at(encoded, size, place)
        texts, tokens = inputs["input_ids"].shape
        timed = [partial(Workload([inputs], texts).pass_s, run) for run in runs]
        for latencies, seconds in zip(found, time_in_turn(timed, seconds_each, clock), strict=True):
            latencies.append(Latency(batch=texts, tokens=tokens, ms=round(1000 * statistics.median(seconds), 4)))
    return [tuple(latencies) for latencies in found]


def batch_at(encoded: Encoded, size: int, place: float) -> BatchInputs:
    """A padded batch of `size` texts (or all there are) of similar length.

    `place` says which lengths: from the shortest (0) to the longest (1).
    """
    lengths = encoded.lengths
    order = sorted(range(len(encoded)), key=lengths.__getitem__)
    first = max(0, min(round(place * (len(order) - 1)) - size // 2, len(order) - size))
    return pad(encoded, order[first : first + size])


def time_in_turn(
    passes: Sequence[Callable[[Callable[[], float]], float]], seconds_each: float, clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Seconds of the passes of several models, each a function of the clock.

    After one pass of each to warm up, they run in turn until the first has run for `seconds_each`,
    `LEAST_PASSES` to `MOST_PASSES` times.
    """
    for one in passes:
        one(clock)
    seconds: list[list[float]] = [[] for _ in passes]
    while len(seconds[0]) < LEAST_PASSES or (sum(seconds[0]) < seconds_each and len(seconds[0]) < MOST_PASSES):
        for own, one in zip(seconds, passes, strict=True):
            own.append(one(clock))
    return seconds
