"""Sums of two arms as they grow, look by look. Pure."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from gateway.statistics.moments import Moments

Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Arms = npt.NDArray[np.bool_]
Pair = tuple[Moments, Moments]

EVERY = 100
"""Units between two looks."""


def arms(chance: np.random.Generator, units: int, share: float = 0.5) -> Arms:
    """Whether each unit is in the treatment."""
    return chance.random(units) < share


def growing(treated: Arms, *values: Values, events: bool = False, every: int = EVERY) -> Iterator[Pair]:
    """The sums of the control and the treatment after each `every` units, in the order they came.

    `values` are one array for each value of a unit.
    """
    control = _running(~treated, values, every)
    treatment = _running(treated, values, every)
    for mine, theirs in zip(control, treatment, strict=True):
        yield _moments(mine, len(values), events), _moments(theirs, len(values), events)


def first(looks: Iterable[Pair], claims: Callable[[Pair], bool]) -> int | None:
    """The look at which something is claimed first, None where it never is."""
    return next((look for look, pair in enumerate(looks, 1) if claims(pair)), None)


def _running(chosen: Arms, values: tuple[Values, ...], every: int) -> list[list[float]]:
    """Units, then Σx of each value, then Σxy of each two, as rows of running sums."""
    weights = chosen.astype(np.float64)
    columns = [weights, *(weights * x for x in values), *(weights * x * y for x in values for y in values)]
    looks = len(weights) // every
    stacked = np.stack([column[: looks * every].reshape(looks, every).sum(axis=1).cumsum() for column in columns], axis=1)
    rows: list[list[float]] = stacked.tolist()
    return rows


def _moments(row: list[float], width: int, events: bool) -> Moments:
    products = row[1 + width :]
    matrix = tuple(tuple(products[i * width : (i + 1) * width]) for i in range(width))
    return Moments(round(row[0]), tuple(row[1 : 1 + width]), matrix, degrees_lost=0 if events else 1)
