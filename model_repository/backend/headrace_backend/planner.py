"""Length-planned batching: cut a batch of texts into sub-batches of the least predicted time.

Padding a mixed batch to its longest text wastes work, and running texts one by one wastes launches;
which costs more depends on the device. Among texts sorted by length some best plan cuts contiguous
runs, since cost never falls with length, so a small dynamic program over the sorted lengths finds
it: best[j] = min over k of best[j - k] + t(k, length of text j).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace_backend.cost import CostModel


def plan(lengths: Sequence[int], cost: CostModel) -> list[NDArray[np.intp]]:
    """Indices of the texts of each sub-batch, shortest texts first; each index is in exactly one.

    Args:
        lengths: tokens of each text, at most `cost.max_length`.
        cost: seconds by batch and length; a sub-batch holds at most `cost.max_batch` texts.
    """
    tokens = np.asarray(lengths, dtype=np.intp)
    order = tokens.argsort(kind="stable")
    ends = tokens[order]
    # costs[j][-k] is the cost of the k texts that end with text j
    costs = cost.seconds[ends, :0:-1]
    best = np.zeros(len(ends) + 1)
    cuts = np.zeros(len(ends) + 1, dtype=np.intp)
    for end in range(1, len(ends) + 1):
        first = max(0, end - cost.max_batch)
        totals = best[first:end] + costs[end - 1, first - end :]
        cut = totals.argmin()
        best[end] = totals[cut]
        cuts[end] = first + cut
    groups = []
    end = len(ends)
    while end:
        groups.append(order[cuts[end] : end])
        end = cuts[end]
    return groups[::-1]


def predicted_s(groups: Sequence[NDArray[np.intp]], lengths: Sequence[int], cost: CostModel) -> float:
    """Seconds that sub-batches take one after another, each padded to its longest text."""
    return sum(cost.predict(len(group), max(lengths[i] for i in group)) for group in groups)
