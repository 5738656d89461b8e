"""What a sub-batch costs: t(batch, length), measured on the actual device when the model loads.

Shapes of a grid are timed, the cheapest first, until the time for it is spent. Between the shapes
cost is interpolated linearly. Where nothing was measured it is taken to grow in proportion and a
little more, so that a plan stays with shapes that were seen.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_LENGTH = 8
REPEATS = 3
UNSEEN_SURCHARGE = 1.05
"""Cost of twice the rows or tokens beyond the last shape measured, relative to twice the cost."""

Shape = tuple[int, int]
"""(batch, length): rows and tokens a row, padding included."""


@dataclass(frozen=True, eq=False)
class CostModel:
    """Predicted seconds of a sub-batch of up to `max_batch` rows and `max_length` tokens."""

    seconds: NDArray[np.float64]
    """[max_length + 1, max_batch + 1]; column 0 is 0."""

    @property
    def max_batch(self) -> int:
        """The most rows of one sub-batch."""
        return self.seconds.shape[1] - 1

    @property
    def max_length(self) -> int:
        """The longest text, in tokens."""
        return self.seconds.shape[0] - 1

    def predict(self, batch: int, length: int) -> float:
        """Seconds that `batch` rows padded to `length` tokens take."""
        return float(self.seconds[length, batch])


def grid(max_batch: int, max_length: int) -> tuple[list[int], list[int]]:
    """Batches and lengths to measure: doubling, up to and including the largest."""
    return _doubling(1, max_batch), _doubling(min(MIN_LENGTH, max_length), max_length)


def measure(
    run: Callable[[int, int], object], max_batch: int, max_length: int, budget_s: float, clock: Callable[[], float] = time.perf_counter
) -> dict[Shape, float]:
    """Seconds that `run(batch, length)` takes, for shapes of the grid, cheapest first.

    As many shapes are measured as fit into `budget_s` of `clock`, and at least one. The best of a
    few repeats counts, since any disturbance makes a measurement longer.
    """
    batches, lengths = grid(max_batch, max_length)
    shapes = sorted(((batch, length) for batch in batches for length in lengths), key=lambda shape: (shape[0] * shape[1], shape[0]))
    seen: dict[Shape, float] = {}
    begin_s = clock()
    run(*shapes[0])  # the first run also allocates
    for batch, length in shapes:
        times_s = []
        for _ in range(REPEATS):
            start_s = clock()
            run(batch, length)
            times_s.append(clock() - start_s)
        seen[batch, length] = min(times_s)
        if clock() - begin_s > budget_s:
            break
    return seen


def fit(seen: Mapping[Shape, float], max_batch: int, max_length: int) -> CostModel:
    """The cost of every shape from the seconds of some shapes of the grid.

    At least the smallest must be among them. The cost never falls with batch or length.
    """
    batches, lengths = grid(max_batch, max_length)
    known = np.empty((len(lengths), len(batches)))
    for row, length in enumerate(lengths):
        for column, batch in enumerate(batches):
            if (batch, length) in seen:
                known[row, column] = seen[batch, length]
            elif column:
                known[row, column] = known[row, column - 1] * _growth(batches, column)
            else:
                known[row, column] = known[row - 1, column] * _growth(lengths, row)
    known = np.maximum.accumulate(np.maximum.accumulate(known, axis=0), axis=1)
    all_lengths, all_batches = np.arange(max_length + 1), np.arange(1, max_batch + 1)
    by_length = np.array([np.interp(all_lengths, lengths, column) for column in known.T])
    by_both = np.array([np.interp(all_batches, batches, row) for row in by_length.T])
    return CostModel(np.hstack([np.zeros((max_length + 1, 1)), by_both]))


def _doubling(first: int, last: int) -> list[int]:
    values = [first]
    while values[-1] * 2 < last:
        values.append(values[-1] * 2)
    return values if values[-1] == last else [*values, last]


def _growth(values: Sequence[int], at: int) -> float:
    ratio = values[at] / values[at - 1]
    return float(ratio * UNSEEN_SURCHARGE ** np.log2(ratio))
