"""The HTML report of a search: one file that needs nothing else. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal

from markupsafe import Markup

from loadtest.planning.search.edge import CONFIDENCE, Estimate
from loadtest.planning.search.summary import SearchSummary
from loadtest.planning.search.trial import Trial
from loadtest.report.charts.axis import Axis, axis_around, axis_from_zero, value_axis
from loadtest.report.charts.frame import Frame, Key
from loadtest.report.charts.line import Mark
from loadtest.report.charts.scatter import Band, Dot, Overlay, scatter_chart
from loadtest.report.page import context
from loadtest.report.page_templates import templates
from loadtest.results.figures import milliseconds, number
from loadtest.results.results import SloVerdict
from loadtest.slo import ERRORS, Objective

Tone = Literal["good", "bad", "warn"]
DEFAULT_METRIC = "p99"
CLOSE, WIDE = 2.0, 50.0
"""As ratios: rates no further apart than the first are drawn on an axis around them, and rates
further apart than the second on a logarithmic one."""
TONES: Mapping[SloVerdict, Tone] = {"held": "good", "missed": "bad", "unknown": "warn"}
KEYS = (Key("held", "good", dot=True), Key("missed", "bad", dot=True), Key("does not count", "faint", dot=True))
ORDER_FRAME = Frame(width=960, height=260, top=34, bottom=42)


def render_search(search: SearchSummary) -> str:
    """The page of a search."""
    page = templates().get_template("report/templates/search.html.j2")
    return page.render(
        search=search,
        confidence=CONFIDENCE,
        offered=search.scenario.offered(),
        tone=_tone(search),
        metric=_metric(search).replace("_", "."),
        latency_chart=_latency_chart(search),
        order_chart=_order_chart(search.trials),
        trial_words=trial_words,
        number=number,
        best=None if search.best is None else context(search.best),
    )


def trial_words(trial: Trial) -> str:
    """What a trial was: `held`, `missed`, or that it says nothing of the system."""
    words = {"generator": "generator behind", "contention": "machine busy", None: "held" if trial.passed else "missed"}
    return words[trial.spoilt_by]


def _tone(search: SearchSummary) -> Tone:
    """Red where the system failed or no trial could be made, amber where the search cannot tell."""
    if search.least_verdict is not None:
        return TONES[search.least_verdict]
    if search.outcome in {"found", "ceiling"}:
        return "good"
    return "bad" if search.outcome == "lowest_fails" or (search.outcome == "broken" and search.rate is None) else "warn"


def _latency_chart(search: SearchSummary) -> Markup | None:
    """Rate against the percentile that the SLO bounds.

    Trials in which nothing was answered are not drawn. None of a single trial, of which the table
    tells all.
    """
    metric, objective = _metric(search), _objective(search)
    seen = [(trial, latency_ms[metric]) for trial in search.trials if (latency_ms := _latency_ms(trial))]
    if len(seen) < 2:
        return None
    dots = [Dot(trial.rate_rps, value_ms, _style(trial), _hint(trial, metric)) for trial, value_ms in seen]
    trials = [trial for trial, _ in seen]
    mark = None if objective is None else Mark(f"SLO {objective}", objective.bound)
    y = value_axis("ms", [*(dot.y for dot in dots), *([] if mark is None else [mark.y])])
    band = None if search.rate is None else _band(search.rate)
    return scatter_chart(
        f"{metric.replace('_', '.')} by rate", dots, _rate_axis(trials, band), y, Overlay(_keys(trials), mark=mark, band=band)
    )


def _order_chart(trials: Sequence[Trial]) -> Markup | None:
    """The rates in the order in which they were tried; None where there was only one."""
    rates = [trial.rate_rps for trial in trials]
    if len(set(rates)) < 2:
        return None
    dots = [
        Dot(number, trial.rate_rps, _style(trial), f"trial {number}: {_hint(trial, DEFAULT_METRIC)}")
        for number, trial in enumerate(trials, 1)
    ]
    step = max(1, len(trials) // 12)
    close = max(rates) <= CLOSE * min(rates)
    x = Axis("trial", 0.5, len(trials) + 0.5, [(float(number), str(number)) for number in range(1, len(trials) + 1, step)])
    y = axis_around("requests/s", min(rates), max(rates), intervals=4) if close else value_axis("requests/s", rates)
    path = [(dot.x, dot.y) for dot in dots]
    return scatter_chart("Rates in the order in which they were tried", dots, x, y, Overlay(_keys(trials), path), ORDER_FRAME)


def _rate_axis(trials: Sequence[Trial], band: Band | None) -> Axis:
    rates = [trial.rate_rps for trial in trials] + ([] if band is None else [band.low, band.high])
    least, greatest = min(rates), max(rates)
    if len(set(rates)) > 1 and greatest <= CLOSE * least:
        return axis_around("requests/s", least, greatest)
    return axis_from_zero("requests/s", greatest * 1.05, intervals=8) if greatest < WIDE * least else value_axis("requests/s", rates)


def _band(rate: Estimate) -> Band:
    name = f"{number(rate.rps)} requests/s, {CONFIDENCE:.0%} interval {number(rate.low_rps)} to {number(rate.high_rps)}"
    return Band(rate.low_rps, rate.rps, rate.high_rps, name)


def _objective(search: SearchSummary) -> Objective | None:
    """The first objective of the SLO that each trial has a value of, unless it is of errors."""
    seen = [latency_ms for trial in search.trials if (latency_ms := _latency_ms(trial))]
    for objective in search.slo.objectives:
        if all(objective.metric.replace(".", "_") in latency_ms for latency_ms in seen):
            return objective if objective.metric != ERRORS else None
    return None


def _metric(search: SearchSummary) -> str:
    objective = _objective(search)
    return DEFAULT_METRIC if objective is None else objective.metric.replace(".", "_")


def _latency_ms(trial: Trial) -> Mapping[str, float] | None:
    return None if trial.results is None else trial.results.latency.summary_ms


def _keys(trials: Sequence[Trial]) -> list[Key]:
    there = {_style(trial) for trial in trials}
    return [key for key in KEYS if key.style in there]


def _style(trial: Trial) -> str:
    return {"held": "good", "missed": "bad"}.get(trial_words(trial), "faint")


def _hint(trial: Trial, metric: str) -> str:
    latency_ms = _latency_ms(trial)
    latency = f", {metric.replace('_', '.')} {milliseconds(latency_ms[metric])}" if latency_ms else ", no answer"
    missed = f": {'; '.join(trial.misses)}" if trial.misses else ""
    return f"{trial.rate_rps:,.4g} requests/s{latency}, {trial_words(trial)}{missed}"
