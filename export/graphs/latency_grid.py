"""Latency against batch size and length: a small grid, measured within a given time."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.checkpoints.tokenization import Encoded
from export.graphs.batches import BatchInputs, Run, pad
from export.graphs.graph import CPU, Graph

BATCHES = (1, 4, 8)
PLACES = (0.1, 0.5, 0.9)
"""Where the lengths stand among the evaluation set's."""
SECONDS = 2.0
MOST_CALLS = 15


@dataclass(frozen=True)
class GridPoint:
    """Median milliseconds of a call with `batch` texts of `tokens` tokens, tokenizing excluded.

    `fp32_ms` is None where the packaged graph is fp32 as exported.
    """

    batch: int
    tokens: int
    packaged_ms: float
    fp32_ms: float | None


def latency_grid(fp32: Path, packaged: Path, outputs: Sequence[str], encoded: Encoded, provider: str) -> list[GridPoint]:
    """The grid of the packaged graph beside fp32's; one thread on a CPU."""
    paths = [packaged] if packaged == fp32 else [packaged, fp32]
    found = measure_grid([Graph(path, outputs, threads=int(provider == CPU), provider=provider) for path in paths], shapes(encoded))
    return [GridPoint(batch, tokens, ms[0], ms[1] if len(ms) > 1 else None) for (batch, tokens), ms in found.items()]


def shapes(encoded: Encoded) -> dict[tuple[int, int], BatchInputs]:
    """Batches by (texts, tokens), the smallest first.

    Each repeats one text, so that nothing is padded.
    """
    lengths = encoded.lengths
    order = sorted(range(len(encoded)), key=lengths.__getitem__)
    rows = [order[round(place * (len(order) - 1))] for place in PLACES]
    found = {(batch, lengths[row]): pad(encoded, [row] * batch) for row in rows for batch in BATCHES}
    return dict(sorted(found.items(), key=lambda one: (one[0][0] * one[0][1], one[0])))


def measure_grid(
    runs: Sequence[Run],
    batches: dict[tuple[int, int], BatchInputs],
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[tuple[int, int], list[float]]:
    """Median milliseconds of each model at each shape.

    Models are called in turn, shapes in the given order: the smallest first. Each shape takes its
    share of what is left of `seconds`, up to `MOST_CALLS` calls, and is called at least once. A
    shape that would not end in time, judged by the dearest token so far, is left out, and so are
    those after it.
    """
    found: dict[tuple[int, int], list[float]] = {}
    left, token_s = seconds, 0.0
    for run in runs:  # the first call allocates what the later ones use
        run(next(iter(batches.values())))
    for done, (shape, inputs) in enumerate(batches.items()):
        size = shape[0] * shape[1]
        if token_s * size > left:
            break
        share, spent = left / (len(batches) - done), 0.0
        calls: list[list[float]] = [[] for _ in runs]
        while not calls[0] or (spent + spent / len(calls[0]) <= share and len(calls[0]) < MOST_CALLS):
            for own, run in zip(calls, runs, strict=True):
                begin = clock()
                run(inputs)
                own.append(clock() - begin)
                spent += own[-1]
        left -= spent
        token_s = spent / len(calls[0]) / size
        found[shape] = [round(1000 * statistics.median(own), 4) for own in calls]
    return found
