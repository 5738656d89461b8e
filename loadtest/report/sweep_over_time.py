"""What a sweep's page shows second by second, of each configuration one run. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from loadtest.report.charts.line import sparkline
from loadtest.report.page import context
from loadtest.results.figures import milliseconds
from loadtest.results.results import Results
from loadtest.results.series import Slice

PERCENTILES = ("p50", "p95", "p99")
"""That a slice has."""
CPU_STYLES = {"gateway": "c1", "triton": "c2", "generator": "c3"}


@dataclass(frozen=True, slots=True)
class Spark:
    """A small chart, and in words the figure that stands beside it."""

    words: str
    drawn: Markup


def rows_over_time(entries: Sequence[Mapping[str, Any]], metric: str) -> list[dict[str, Any]]:
    """A row for each configuration with a run over time; the small charts of a column have one scale.

    Each has `entry`, `run` (`over_time` of sweep.json), `latency` and `throughput` and by part `cpu` (Spark), and what the template of the
    stack's sections shows.
    """
    shown = [(entry, Results.from_dict(entry["over_time"]["results"])) for entry in entries if entry["over_time"] is not None]
    shown = [(entry, results) for entry, results in shown if results.series]
    percentile = metric if metric in PERCENTILES else PERCENTILES[-1]
    most_rps = max((part.throughput_rps for _, results in shown for part in results.series), default=0.0)
    most_ms = max((ms for _, results in shown for _, ms in _latency(results.series, percentile)), default=0.0)
    most_cores = max(
        (part["most_cores"] for entry, _ in shown for role, part in entry["over_time"]["parts"].items() if role in CPU_STYLES), default=0.0
    )
    return [
        {
            "entry": entry,
            "run": entry["over_time"],
            "throughput": _spark(
                f"{results.throughput_rps:,.3g}/s", "requests/s answered", _throughput(results.series), results.elapsed_s, most_rps, "c1"
            ),
            "latency": _spark(
                _milliseconds(results, percentile), percentile, _latency(results.series, percentile), results.elapsed_s, most_ms, "c5"
            ),
            "cpu": {role: _cpu(entry, results, role, most_cores) for role in CPU_STYLES},
            "load": context(results),
        }
        for entry, results in shown
    ]


def _cpu(entry: Mapping[str, Any], results: Results, role: str, most_cores: float) -> Spark | None:
    points = [(point.at_s, point.cpu_cores) for point in results.observed.of_role(role)]
    if not points:
        return None
    mean = entry["over_time"]["parts"][role]["mean_cores"]
    return _spark(f"{mean:.2f}", f"CPU of the {role}", points, max(results.elapsed_s, points[-1][0]), most_cores, CPU_STYLES[role])


def _spark(words: str, title: str, points: Sequence[tuple[float, float]], end_s: float, greatest: float, style: str) -> Spark:
    return Spark(words, sparkline(f"{title} over time", points, end_s, greatest, style))


def _throughput(series: Sequence[Slice]) -> list[tuple[float, float]]:
    return [(part.start_s + part.width_s / 2, part.throughput_rps) for part in series]


def _latency(series: Sequence[Slice], percentile: str) -> list[tuple[float, float]]:
    told = [(part.start_s + part.width_s / 2, getattr(part, f"{percentile}_ms")) for part in series]
    return [(at_s, ms) for at_s, ms in told if ms is not None]


def _milliseconds(results: Results, percentile: str) -> str:
    return "–" if results.latency_ms is None else milliseconds(results.latency_ms[percentile])
