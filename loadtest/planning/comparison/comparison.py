"""The comparison of two sides.

Each side is one run or search, or several that are paired with the other side's by their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.planning.comparison.condition import Condition, Judgement
from loadtest.planning.comparison.difference import Difference
from loadtest.planning.comparison.documents import (
    ComparisonError,
    Document,
    Obscurity,
    differing,
    failure,
    is_open,
    is_paired,
    obscurity,
    reservations,
)
from loadtest.planning.comparison.repetitions import combine
from loadtest.planning.comparison.runs import compare_runs
from loadtest.planning.comparison.searches import compare_searches
from loadtest.results.figures import plural

SECONDS_PAIRED, SECONDS_APART = "seconds in pairs", "seconds apart"
PAIRS, SEARCHES = "pairs of runs", "the searches' own intervals"


LEAST_CLEAR_PAIRS = 2
"""With fewer pairs that nothing hides, the others are not left out."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences, where their intervals come from, and what speaks against them.

    `failures` has a sentence for each document that holds nothing to compare; where there is one,
    there are no differences, and `open_failure` says that none of them is the system's.
    `obscured_before` and `obscured_after` say why the documents of a side do not tell what the
    system does (a busy machine, a generator that was behind). `pairs` counts those that were
    compared, `left_out` names those that were not since something hid the system in them.
    """

    differences: tuple[Difference, ...]
    method: str
    pairs: int
    cautions: tuple[str, ...]
    failures: tuple[str, ...] = ()
    open_failure: bool = False
    obscured_before: tuple[Obscurity, ...] = ()
    obscured_after: tuple[Obscurity, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def is_clear(self) -> bool:
        """Whether a difference is the systems' own."""
        return not self.obscured_before and not self.obscured_after and not self.open_failure

    def judge(self, condition: Condition, *, point: bool = False) -> Judgement:
        """Whether a condition is met; with `point` by the estimate alone.

        Where a document of a side does not tell what its system does, neither does a judgement.
        Except that other work only makes a system look worse: what looks no worse in spite of it is
        no worse, and what looks worse than a side that was disturbed is worse.

        Raises:
            ConditionError: its metric is not among the differences.
        """
        if self.failures:
            return "unknown"
        found = condition.judge(self.differences, point=point)
        if found == "unknown" or point:
            return found
        # the side on which a disturbance would feign what was found
        feigns_after = (found == "met") == condition.of_a_worse_side if condition.directed else None
        if any(not hidden.only_worse or feigns_after is not False for hidden in self.obscured_after):
            return "unknown"
        if condition.relative and any(not hidden.only_worse or feigns_after is not True for hidden in self.obscured_before):
            return "unknown"
        return found


def compare(before: Sequence[Document], after: Sequence[Document], *, anyway: bool = False) -> Comparison:
    """Compare two sides with as many documents each.

    Of several pairs, those in which something hides the system are left out where others remain.

    Raises:
        ComparisonError: sides of different lengths or kinds, or, unless `anyway`, scenarios that
            differ.
    """
    if not before or len(before) != len(after):
        raise ComparisonError(f"{len(before)} before and {len(after)} after: files are paired by order, so give as many of either")
    pairs = list(zip(before, after, strict=True))
    cautions: list[str] = []
    for old, new in pairs:
        if (old.results is None) != (new.results is None):
            raise ComparisonError(f"{old.path} and {new.path}: a run cannot be compared with a search")
        fields = differing(old, new)
        if fields and not anyway:
            raise ComparisonError(f"{old.path} and {new.path} are of different scenarios ({'; '.join(fields)}); --anyway compares them")
        if fields:
            cautions.append(f"{old.path} and {new.path} are of different scenarios: {'; '.join(fields)}.")
        cautions += reservations(old, new)
    failed = [document for pair in pairs for document in pair if failure(document) is not None]
    clear = [all(obscurity(document) is None for document in pair) for pair in pairs]
    enough = sum(clear) >= LEAST_CLEAR_PAIRS
    kept = [pair for pair, is_clear in zip(pairs, clear, strict=True) if is_clear or not enough]
    left_out = [pair for pair, is_clear in zip(pairs, clear, strict=True) if enough and not is_clear]
    if left_out:
        named = "; ".join(f"{old.path} and {new.path}" for old, new in left_out)
        was = plural(len(left_out), "pair was", "pairs were")
        cautions.insert(0, f"{was} left out of {len(pairs)}, since the system is hidden in them: {named}.")
    hidden = [seen.sentence for pair in pairs for document in pair if (seen := obscurity(document)) is not None]
    return Comparison(
        differences=() if failed else tuple(combine([_pair(old, new) for old, new in kept])),
        method=PAIRS if len(kept) > 1 else _method(*kept[0]),
        pairs=len(kept),
        cautions=tuple(dict.fromkeys((*hidden, *cautions))),
        failures=tuple(dict.fromkeys(said for document in failed if (said := failure(document)) is not None)),
        open_failure=bool(failed) and all(is_open(document) for document in failed),
        obscured_before=tuple(seen for old, _ in kept if (seen := obscurity(old)) is not None),
        obscured_after=tuple(seen for _, new in kept if (seen := obscurity(new)) is not None),
        left_out=tuple(str(document.path) for pair in left_out for document in pair),
    )


def _pair(before: Document, after: Document) -> list[Difference]:
    if before.results is not None and after.results is not None:
        return compare_runs(before.results, after.results, paired=is_paired(before, after))
    if before.search is not None and after.search is not None:
        return compare_searches(before.search, after.search)
    return []


def _method(before: Document, after: Document) -> str:
    if before.search is not None:
        return SEARCHES
    return SECONDS_PAIRED if is_paired(before, after) else SECONDS_APART
