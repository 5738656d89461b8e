"""The comparison of two sides.

Each side is one run or search, or several that are paired with the other side's by their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.planning.comparison.condition import Condition, Judgement
from loadtest.planning.comparison.difference import Difference
from loadtest.planning.comparison.documents import ComparisonError, Document, differing, failure, is_paired, obscurities, reservations
from loadtest.planning.comparison.repetitions import combine
from loadtest.planning.comparison.runs import compare_runs
from loadtest.planning.comparison.searches import compare_searches

SECONDS_PAIRED, SECONDS_APART = "seconds in pairs", "seconds apart"
PAIRS, SEARCHES = "pairs of runs", "the searches' own intervals"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences, where their intervals come from, and what speaks against them.

    `failures` has a sentence for each document that holds nothing to compare; where there is one,
    there are no differences. `obscurities` say why a document does not tell what the system does
    (a busy machine, a generator that was behind).
    """

    differences: tuple[Difference, ...]
    method: str
    pairs: int
    cautions: tuple[str, ...]
    failures: tuple[str, ...] = ()
    obscurities: tuple[str, ...] = ()

    @property
    def is_clear(self) -> bool:
        """Whether a difference is the systems' own.

        It is not where a document says little of its system, except where several runs a side show
        what other work does to them.
        """
        return not self.obscurities or self.pairs > 1

    def judge(self, condition: Condition, *, point: bool = False) -> Judgement:
        """Whether a condition is met; with `point` by the estimate alone.

        Raises:
            ConditionError: its metric is not among the differences.
        """
        found = condition.judge(self.differences, point=point)
        return found if self.is_clear or point else "unknown"


def compare(before: Sequence[Document], after: Sequence[Document], *, anyway: bool = False) -> Comparison:
    """Compare two sides with as many documents each.

    Raises:
        ComparisonError: sides of different lengths or kinds, or, unless `anyway`, scenarios that
            differ.
    """
    if not before or len(before) != len(after):
        raise ComparisonError(f"there are {len(before)} files before and {len(after)} after: they are paired by order, so give as many")
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
    failures = tuple(dict.fromkeys(said for pair in pairs for document in pair if (said := failure(document)) is not None))
    differences = [] if failures else combine([_pair(old, new) for old, new in pairs])
    method = PAIRS if len(pairs) > 1 else _method(*pairs[0])
    obscure = tuple(dict.fromkeys(said for pair in pairs for document in pair for said in obscurities(document)))
    return Comparison(tuple(differences), method, len(pairs), tuple(dict.fromkeys((*obscure, *cautions))), failures, obscure)


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
