"""The HTML report of a sweep: one file that needs nothing else. Pure."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any, Literal

from loadtest.report.page_templates import templates
from loadtest.report.sweep_charts import STYLES, latency_chart, pareto_chart
from loadtest.report.sweep_over_time import rows_over_time

Entry = Mapping[str, Any]


def render_sweep(values: Mapping[str, Any]) -> str:
    """The page of a sweep, from the values of sweep.json (`headrace-sweep/1`)."""
    configurations = values["configurations"]
    letters = name_letters([entry["name"] for entry in configurations])
    metric = values["latency_metric"]
    workloads = []
    for workload in dict.fromkeys(entry["workload"] for entry in configurations):
        points = [point for point in values["points"] if point["workload"] == workload]
        entries = sorted((entry for entry in configurations if entry["workload"] == workload), key=_by_capacity)
        shown = {entry["name"]: letters[entry["name"]] for entry in entries if not entry["dominated"] or len(entries) <= len(STYLES)}
        workloads.append(
            {
                "name": workload,
                "best": values["best"].get(workload),
                "profile": values["profiles"].get(workload),
                "entries": entries,
                "pareto": pareto_chart(points, letters, metric, values["slo"]) if points else None,
                "latency": latency_chart(points, shown, metric, values["slo"]) if points else None,
                "over_time": rows_over_time(entries, metric),
            }
        )
    page = templates().get_template("report/templates/sweep.html.j2")
    return page.render(
        sweep=values,
        tone=_tone(values),
        letters=letters,
        failed=[entry for entry in configurations if entry["error"]],
        workloads=workloads,
        greatest=max((_high(entry) for entry in configurations), default=0.0) or 1.0,
        high=_high,
        cpu_s=_cpu_s,
        batch=_batch,
        change=change,
        knob=show_knob,
    )


def name_letters(names: Sequence[str]) -> dict[str, str]:
    """A short name for each: A to Z, then AA, AB …"""
    endless = (*ascii_uppercase, *(first + second for first in ascii_uppercase for second in ascii_uppercase))
    return dict(zip(names, endless, strict=False))


def show_knob(value: Any) -> str:
    """A knob's value as a sweep names it."""
    return "default" if value is None else str(value) if not isinstance(value, bool) else "on" if value else "off"


def change(share: float | None) -> str:
    """A change as a signed percentage; – where there is none."""
    return "–" if share is None else f"{share:+.0%}"


def _tone(values: Mapping[str, Any]) -> Literal["good", "bad", "warn"]:
    failed = [*values["configurations"], *values["profiles"].values()]
    if not values["best"] or any(one["error"] for one in failed):
        return "bad"
    return "good" if values["complete"] and not values["interrupted"] else "warn"


def _by_capacity(entry: Entry) -> float:
    return -(entry["capacity"]["rps"] if entry["capacity"] is not None else 0.0)


def _high(entry: Entry) -> float:
    held = entry["capacity"]
    return 0.0 if held is None else float(held["rps"] if held["high_rps"] is None else held["high_rps"])


def _cpu_s(entry: Entry) -> float | None:
    """CPU of all parts for one request, at the highest rate that was kept up."""
    kept = [load for load in entry["loads"] if load["sustained"] and load["cpu_s_per_request"]]
    return sum(kept[-1]["cpu_s_per_request"].values()) if kept else None


def _batch(entry: Entry) -> float | None:
    """Texts a batch, at the highest rate that was kept up."""
    kept = [load["mean_batch_texts"] for load in entry["loads"] if load["sustained"] and load["mean_batch_texts"]]
    return kept[-1] if kept else None
