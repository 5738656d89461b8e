"""The HTML report of a sweep: one file that needs nothing else. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Literal

from markupsafe import Markup
from pydantic import JsonValue

from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.profiles import ChosenProfile
from loadtest.planning.sweep.findings.summary import SweepSummary
from loadtest.report.page_templates import templates
from loadtest.report.sweep_charts import STYLES, latency_chart, pareto_chart
from loadtest.report.sweep_over_time import Row, rows_over_time


@dataclass(frozen=True, slots=True)
class Section:
    """What the page shows of one workload; charts are None where nothing was kept up."""

    name: str
    best: str | None
    profile: ChosenProfile | None
    entries: Sequence[Entry]
    pareto: Markup | None
    latency: Markup | None
    over_time: Sequence[Row]


def render_sweep(sweep: SweepSummary) -> str:
    """The page of a sweep."""
    letters = name_letters([entry.name for entry in sweep.entries])
    page = templates().get_template("report/templates/sweep.html.j2")
    return page.render(
        sweep=sweep,
        document=sweep.definition.document,
        offers=sweep.definition.offers,
        tone=_tone(sweep),
        letters=letters,
        failed=[entry for entry in sweep.entries if entry.error],
        workloads=[_section(workload, sweep, letters) for workload in dict.fromkeys(entry.workload for entry in sweep.entries)],
        greatest=max((_high(entry) for entry in sweep.entries), default=0.0) or 1.0,
        high=_high,
        cpu_s=_cpu_s,
        batch=_batch,
        change=change,
        knob=show_knob,
    )


def _section(workload: str, sweep: SweepSummary, letters: Mapping[str, str]) -> Section:
    metric, points = sweep.latency_metric, [point for point in sweep.points if point.workload == workload]
    entries = sorted((entry for entry in sweep.entries if entry.workload == workload), key=_by_capacity)
    drawn = [entry.name for entry in entries if entry.name not in sweep.dominated or len(entries) <= len(STYLES)]
    return Section(
        name=workload,
        best=sweep.best.get(workload),
        profile=sweep.profiles.get(workload),
        entries=entries,
        pareto=pareto_chart(points, letters, metric, sweep.slo) if points else None,
        latency=latency_chart(points, {name: letters[name] for name in drawn}, metric, sweep.slo) if points else None,
        over_time=rows_over_time(entries, metric),
    )


def name_letters(names: Sequence[str]) -> dict[str, str]:
    """A short name for each: A to Z, then AA, AB …"""
    endless = (*ascii_uppercase, *(first + second for first in ascii_uppercase for second in ascii_uppercase))
    return dict(zip(names, endless, strict=False))


def show_knob(value: JsonValue) -> str:
    """A knob's value as a sweep names it."""
    return "default" if value is None else str(value) if not isinstance(value, bool) else "on" if value else "off"


def change(share: float | None) -> str:
    """A change as a signed percentage; – where there is none."""
    return "–" if share is None else f"{share:+.0%}"


def _tone(sweep: SweepSummary) -> Literal["good", "bad", "warn"]:
    if sweep.failed or sweep.slo_verdict == "missed":
        return "bad"
    return "good" if sweep.slo_verdict == "held" and sweep.complete and not sweep.interrupted else "warn"


def _by_capacity(entry: Entry) -> float:
    return -(entry.capacity.rps if entry.capacity is not None else 0.0)


def _high(entry: Entry) -> float:
    held = entry.capacity
    return 0.0 if held is None else held.rps if held.high_rps is None else held.high_rps


def _cpu_s(entry: Entry) -> float | None:
    """CPU of all parts for one request, at the highest rate that was kept up."""
    kept = [load.cpu_s_per_request for load in entry.loads if load.sustained and load.cpu_s_per_request]
    return sum(kept[-1].values()) if kept else None


def _batch(entry: Entry) -> float | None:
    """Texts a batch, at the highest rate that was kept up."""
    kept = [load.mean_batch_texts for load in entry.loads if load.sustained and load.mean_batch_texts]
    return kept[-1] if kept else None
