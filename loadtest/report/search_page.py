"""The HTML report of a search: one file that needs nothing else. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from markupsafe import Markup

from loadtest.report.charts.axis import Axis, axis_around, axis_from_zero, value_axis
from loadtest.report.charts.frame import Frame, Key
from loadtest.report.charts.line import Mark
from loadtest.report.charts.scatter import Band, Dot, scatter_chart
from loadtest.report.page import context
from loadtest.report.page_templates import templates
from loadtest.results.figures import milliseconds, number
from loadtest.results.results import Results
from loadtest.slo import Objective, parse_slo

DEFAULT_METRIC = "p99"
CLOSE, WIDE = 2.0, 50.0
"""Rates no further apart than the first, as a ratio, need an axis of their own; further apart than the second, a logarithmic one."""
KEYS = (Key("held", "good", dot=True), Key("missed", "bad", dot=True), Key("generator behind", "faint", dot=True))
ORDER_FRAME = Frame(width=960, height=260, top=34, bottom=42)


def render_search(values: Mapping[str, Any]) -> str:
    """The page of a search, from the values of search.json (`headrace-search/1`)."""
    best = None if values["best"] is None else Results.from_dict(values["best"])
    page = templates().get_template("report/templates/search.html.j2")
    return page.render(
        search=values,
        tone=_tone(values),
        metric=_metric(values).replace("_", "."),
        latency_chart=_latency_chart(values),
        order_chart=_order_chart(values["trials"]),
        trial_words=trial_words,
        number=number,
        best=None if best is None else context(best),
    )


def trial_words(trial: Mapping[str, Any]) -> str:
    """What a trial was: `held`, `missed`, or that it says nothing of the system."""
    return "held" if trial["passed"] else "generator behind" if not trial["kept_up"] else "missed"


def _tone(values: Mapping[str, Any]) -> Literal["good", "bad", "warn"]:
    if values["outcome"] in {"found", "ceiling"}:
        return "good"
    return "warn" if values["rate"] is not None else "bad"


def _latency_chart(values: Mapping[str, Any]) -> Markup | None:
    """Rate against the percentile that the SLO bounds; trials without an answer are not in it, and of one trial the table tells all."""
    metric, objective = _metric(values), _objective(values)
    seen = [trial for trial in values["trials"] if trial.get("latency_ms")]
    if len(seen) < 2:
        return None
    dots = [Dot(trial["rate_rps"], trial["latency_ms"][metric], _style(trial), _hint(trial, metric)) for trial in seen]
    mark = None if objective is None else Mark(f"SLO {objective}", objective.bound)
    y = value_axis("ms", [*(dot.y for dot in dots), *([] if mark is None else [mark.y])])
    return scatter_chart(
        f"{metric.replace('_', '.')} by rate", dots, _rate_axis(seen, _band(values)), y, keys=_keys(seen), mark=mark, band=_band(values)
    )


def _order_chart(trials: Sequence[Mapping[str, Any]]) -> Markup | None:
    """The rates in the order in which they were tried; None where there was but one."""
    if len({trial["rate_rps"] for trial in trials}) < 2:
        return None
    dots = [
        Dot(number, trial["rate_rps"], _style(trial), f"trial {number}: {_hint(trial, DEFAULT_METRIC)}")
        for number, trial in enumerate(trials, 1)
    ]
    step = max(1, len(trials) // 12)
    rates = [trial["rate_rps"] for trial in trials]
    close = max(rates) <= CLOSE * min(rates)
    x = Axis("trial", 0.5, len(trials) + 0.5, [(float(number), str(number)) for number in range(1, len(trials) + 1, step)])
    y = axis_around("requests/s", min(rates), max(rates), intervals=4) if close else value_axis("requests/s", rates)
    path = [(dot.x, dot.y) for dot in dots]
    return scatter_chart("Rates in the order in which they were tried", dots, x, y, keys=_keys(trials), path=path, frame=ORDER_FRAME)


def _rate_axis(trials: Sequence[Mapping[str, Any]], band: Band | None) -> Axis:
    rates = [trial["rate_rps"] for trial in trials] + ([] if band is None else [band.low, band.high])
    least, greatest = min(rates), max(rates)
    if len(set(rates)) > 1 and greatest <= CLOSE * least:
        return axis_around("requests/s", least, greatest)
    return axis_from_zero("requests/s", greatest * 1.05, intervals=8) if greatest < WIDE * least else value_axis("requests/s", rates)


def _band(values: Mapping[str, Any]) -> Band | None:
    rate = values["rate"]
    if rate is None:
        return None
    share = f"{values['confidence']:.0%}"
    name = f"{number(rate['rps'])} requests/s, {share} interval {number(rate['low_rps'])} to {number(rate['high_rps'])}"
    return Band(rate["low_rps"], rate["rps"], rate["high_rps"], name)


def _objective(values: Mapping[str, Any]) -> Objective | None:
    """The latency that the SLO bounds first, where each trial tells it."""
    for objective in parse_slo(values["slo"]).objectives:
        name = objective.metric.replace(".", "_")
        if all(name in trial["latency_ms"] for trial in values["trials"] if trial.get("latency_ms")):
            return objective if objective.metric != "errors" else None
    return None


def _metric(values: Mapping[str, Any]) -> str:
    objective = _objective(values)
    return DEFAULT_METRIC if objective is None else objective.metric.replace(".", "_")


def _keys(trials: Sequence[Mapping[str, Any]]) -> list[Key]:
    there = {_style(trial) for trial in trials}
    return [key for key in KEYS if key.style in there]


def _style(trial: Mapping[str, Any]) -> str:
    return {"held": "good", "missed": "bad"}.get(trial_words(trial), "faint")


def _hint(trial: Mapping[str, Any], metric: str) -> str:
    latency = f", {metric.replace('_', '.')} {milliseconds(trial['latency_ms'][metric])}" if trial.get("latency_ms") else ", no answer"
    missed = f": {'; '.join(trial['misses'])}" if trial["misses"] else ""
    return f"{trial['rate_rps']:,.4g} requests/s{latency}, {trial_words(trial)}{missed}"
