"""The HTML report of a comparison: one file that needs nothing else. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from loadtest.planning.comparison.comparison import Comparison
from loadtest.planning.comparison.condition import Condition
from loadtest.planning.comparison.difference import CONFIDENCE, Difference
from loadtest.planning.comparison.documents import Document
from loadtest.planning.comparison.sentence import METHODS, Judged, certainty, change_shown, interval_shown, value_shown, verdict
from loadtest.report.charts.line import Line
from loadtest.report.page_templates import templates
from loadtest.report.run_charts import by_percentile, in_nines
from loadtest.results.histogram import merged
from loadtest.results.latency import distribution_of
from loadtest.results.results import Results

SIDES = (("before", "c1"), ("after", "c2"))
WIDEST = 1.0
"""Changes beyond ± 100 %, or percentage points, end at the edge of their bar."""
JUDGED_WORDS = {"met": ("met", "bad"), "not met": ("not met", "good"), "unknown": ("cannot tell", "unknown")}


@dataclass(frozen=True, slots=True)
class Row:
    """A difference in words, and where its interval and its bounds lie on a bar, in %.

    0 is the left end and 50 no change. `low` and `high` are None where there is no interval.
    """

    metric: str
    before: str
    after: str
    change: str
    interval: str
    certainty: str
    at: float
    low: float | None
    high: float | None
    bounds: Sequence[float]


def render_comparison(comparison: Comparison, judged: Judged, before: Sequence[Document], after: Sequence[Document], command: str) -> str:
    """The page of a comparison."""
    conditions = [condition for condition, _ in judged]
    greatest = {kind: _greatest(comparison, conditions, kind == "share") for kind in ("rate", "latency", "price", "share")}
    page = templates().get_template("report/templates/compare.html.j2")
    return page.render(
        verdict=verdict(comparison, judged),
        comparison=comparison,
        confidence=CONFIDENCE,
        method=METHODS[comparison.method],
        judged=[(condition.text, *JUDGED_WORDS[judgement]) for condition, judgement in judged],
        rows=[_row(comparison, difference, conditions, greatest[difference.kind]) for difference in comparison.differences],
        scales=(greatest["latency"], greatest["share"]),
        chart=_chart(*([document for document in side if str(document.path) not in comparison.left_out] for side in (before, after))),
        sides=[(name, style, side) for (name, style), side in zip(SIDES, (before, after), strict=True)],
        command=command,
    )


def _row(comparison: Comparison, difference: Difference, conditions: Sequence[Condition], greatest: float) -> Row:
    seen = difference.change_interval

    def place(change: float) -> float:
        return 50 + 50 * min(max(change / greatest, -1.0), 1.0)

    return Row(
        metric=difference.metric,
        before=value_shown(difference, difference.before),
        after=value_shown(difference, difference.after),
        change=change_shown(difference),
        interval=interval_shown(difference),
        certainty=certainty(comparison, difference),
        at=place(difference.change),
        low=None if seen is None else place(seen.low),
        high=None if seen is None else place(seen.high),
        bounds=[place(one.bound) for one in conditions if one.relative and one.metric == difference.metric],
    )


def _greatest(comparison: Comparison, conditions: Sequence[Condition], is_share: bool) -> float:
    """What the ends of the bars stand for, as a share: one scale for all but shares."""
    named = {one.metric for one in comparison.differences if (one.kind == "share") == is_share}
    shown = [one for one in comparison.differences if one.metric in named]
    ends = [abs(end) for one in shown if one.change_interval for end in (one.change_interval.low, one.change_interval.high)]
    bounds = [abs(one.bound) for one in conditions if one.relative and one.metric in named]
    return min(max([*ends, *bounds, *(abs(one.change) for one in shown)], default=0.0) * 1.1 or 0.01, WIDEST)


def _chart(before: Sequence[Document], after: Sequence[Document]) -> Markup | None:
    """The latency of each side by percentile, of all its runs; None of searches."""
    sides = [[document.results for document in side if document.results is not None] for side in (before, after)]
    lines = [Line(name, in_nines(curve), style) for (name, style), side in zip(SIDES, sides, strict=True) if (curve := _curve(side))]
    return by_percentile("Latency by percentile of both sides", lines) if len(lines) == len(SIDES) else None


def _curve(runs: Sequence[Results]) -> list[tuple[float, float]]:
    seen = [run.latency.decode() for run in runs if run.latency.summary_ms is not None]
    return distribution_of(merged(seen)).curve if seen else []
