"""One part of an evaluation set chooses between versions, the other judges the chosen one.

What is chosen because it did best on some examples looks better on them than it is.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from export.counts import counted
from export.errors import RecipeError

LEAST_EXAMPLES = 4
SEED = 20


def judging_rows(examples: int, slices: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
    """The half of the examples that judges, the same each time: bool [examples].

    Of each combination of slices one half is taken, and the one example more; where that leaves
    less than a quarter to choose by, one half of all examples.

    Raises:
        RecipeError: there are too few examples to halve.
    """
    if examples < LEAST_EXAMPLES:
        raise RecipeError(
            f"evaluation.data: {counted(examples, 'example')} are too few for one half to choose a version and the other to judge it; "
            f"{LEAST_EXAMPLES} are needed at least, or a recipe with one precision (int8, fp16 or fp32) and sensitivity: false"
        )
    order = np.random.default_rng(SEED).permutation(examples)
    groups = list(zip(*slices.values(), strict=True)) if slices else [()] * examples
    judging = np.zeros(examples, dtype=np.bool_)
    taken: dict[tuple[str, ...], int] = {}
    for row in order:
        count = taken[groups[row]] = taken.get(groups[row], 0) + 1
        judging[row] = count % 2 == 1
    if (~judging).sum() < examples // 4:  # too many combinations have one example each
        judging[:] = False
        judging[order[::2]] = True
    return judging
