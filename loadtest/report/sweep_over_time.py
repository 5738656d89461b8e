"""What a sweep's page shows second by second: one run of each configuration. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.over_time import OverTime
from loadtest.report.charts.line import sparkline
from loadtest.report.page import context
from loadtest.results.figures import milliseconds
from loadtest.results.results import Results
from loadtest.results.series import Slice

PERCENTILES = ("p50", "p95", "p99")
"""The percentiles that a slice has."""
CPU_STYLES = {"gateway": "c1", "triton": "c2", "generator": "c3"}


@dataclass(frozen=True, slots=True)
class Spark:
    """A small chart, and the figure beside it in words."""

    words: str
    drawn: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """A configuration and its run over time, with small charts.

    `cpu` is by part, None of a part that was not seen. `load` is what the template of the stack's
    sections shows.
    """

    entry: Entry
    run: OverTime
    throughput: Spark
    latency: Spark
    cpu: Mapping[str, Spark | None]
    load: Mapping[str, Any]


def rows_over_time(entries: Sequence[Entry], metric: str) -> list[Row]:
    """A row for each configuration with a run over time.

    The small charts of a column have one scale.
    """
    shown = [(entry, entry.over_time) for entry in entries if entry.over_time is not None and entry.over_time.results.series]
    percentile = metric if metric in PERCENTILES else PERCENTILES[-1]
    most_rps = max((part.throughput_rps for _, run in shown for part in run.results.series), default=0.0)
    most_ms = max((ms for _, run in shown for _, ms in _latency(run.results.series, percentile)), default=0.0)
    most_cores = max((part.most_cores for _, run in shown for role, part in run.parts.items() if role in CPU_STYLES), default=0.0)
    return [
        Row(
            entry=entry,
            run=run,
            throughput=_throughput(run.results, most_rps),
            latency=_spark(
                _milliseconds(run.results, percentile),
                percentile,
                _latency(run.results.series, percentile),
                run.results.elapsed_s,
                most_ms,
                "c5",
            ),
            cpu={role: _cpu(run, role, most_cores) for role in CPU_STYLES},
            load=context(run.results),
        )
        for entry, run in shown
    ]


def _throughput(results: Results, most_rps: float) -> Spark:
    points = [(part.start_s + part.width_s / 2, part.throughput_rps) for part in results.series]
    return _spark(f"{results.throughput.answered_rps:,.3g}/s", "requests/s answered", points, results.elapsed_s, most_rps, "c1")


def _cpu(run: OverTime, role: str, most_cores: float) -> Spark | None:
    points = [(point.at_s, point.cpu_cores) for point in run.results.observed.of_role(role)]
    if not points:
        return None
    end_s = max(run.results.elapsed_s, points[-1][0])
    return _spark(f"{run.parts[role].mean_cores:.2f}", f"CPU of the {role}", points, end_s, most_cores, CPU_STYLES[role])


def _spark(words: str, title: str, points: Sequence[tuple[float, float]], end_s: float, greatest: float, style: str) -> Spark:
    return Spark(words, sparkline(f"{title} over time", points, end_s, greatest, style))


def _latency(series: Sequence[Slice], percentile: str) -> list[tuple[float, float]]:
    points = [(part.start_s + part.width_s / 2, getattr(part, f"{percentile}_ms")) for part in series]
    return [(at_s, ms) for at_s, ms in points if ms is not None]


def _milliseconds(results: Results, percentile: str) -> str:
    return "–" if results.latency.summary_ms is None else milliseconds(results.latency.summary_ms[percentile])
