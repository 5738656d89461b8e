"""Results as CSV, for spreadsheets and plots of one's own. Pure."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from io import StringIO
from typing import Any

from loadtest.results.percentiles import REPORTED
from loadtest.results.results import Results
from loadtest.results.series import Slice


def series_csv(results: Results) -> str:
    """`series` of report.json: a row for each second."""
    return table([field.name for field in fields(Slice)], (astuple(part) for part in results.series))


def percentiles_csv(results: Results) -> str:
    """The reported percentiles, and the points of the curve between them.

    The columns are `quantile` (0 to 1), `latency_ms` and `service_ms`.
    """
    found = {quantile: (latency, service) for (quantile, latency), (_, service) in _both(results)}
    latency_ms, service_ms = results.latency.summary_ms, results.service.summary_ms
    if latency_ms is not None and service_ms is not None:
        found |= {quantile: (latency_ms[name], service_ms[name]) for name, quantile in REPORTED.items()}
        found[1.0] = (latency_ms["max"], service_ms["max"])
    return table(["quantile", "latency_ms", "service_ms"], ((quantile, *found[quantile]) for quantile in sorted(found)))


def processes_csv(results: Results) -> str:
    """`observed.processes` of report.json: a row for each sample of each process."""
    rows = (
        (point.at_s, use.name, use.role, use.pid, point.cpu_cores, point.memory_bytes)
        for use in results.observed.processes
        for point in use.series
    )
    return table(["at_s", "name", "role", "pid", "cpu_cores", "memory_bytes"], rows)


def _both(results: Results) -> Iterable[tuple[tuple[float, float], tuple[float, float]]]:
    """The points of both curves, which have the same quantiles: each good answer is in either."""
    return zip(results.latency.curve, results.service.curve, strict=True)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows under a header as CSV; None is an empty field."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
