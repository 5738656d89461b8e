"""A row of the table: what was measured, and what it must be. Pure."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One property of a procedure, over `runs` experiments.

    `required` is a text such as `≤ 5 %`, empty for what is only shown.
    """

    what: str
    measured: str
    required: str
    runs: int
    holds: bool = True

    def __str__(self) -> str:
        return f"| {self.what} | {self.measured} | {self.required or '–'} | {self.runs:,} | {'yes' if self.holds else 'NO'} |"


def at_most(what: str, found: int, runs: int, bound: float) -> Row:
    """A share of the runs that must not be above a bound.

    It holds unless the excess is more than chance: two standard errors.
    """
    return Row(what, percent(found / runs), f"≤ {percent(bound)}", runs, found / runs <= bound + _chance(bound, runs))


def at_least(what: str, found: int, runs: int, bound: float) -> Row:
    """A share of the runs that must not be below a bound, but for chance."""
    return Row(what, percent(found / runs), f"≥ {percent(bound)}", runs, found / runs >= bound - _chance(bound, runs))


def shown(what: str, found: int, runs: int) -> Row:
    """A share of the runs that is shown for comparison."""
    return Row(what, percent(found / runs), "", runs)


def percent(share: float) -> str:
    """A share as text: `1.3 %`."""
    return f"{100 * share:.3g} %"


def _chance(bound: float, runs: int) -> float:
    return 2 * math.sqrt(bound * (1 - bound) / runs)
