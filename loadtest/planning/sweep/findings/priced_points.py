"""The configurations at the rates that they keep up. Pure.

They give latency against cost, and the Pareto front of both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.pareto import front
from loadtest.planning.sweep.findings.pricing import Offer


@dataclass(frozen=True, slots=True)
class PricedPoint:
    """A configuration at a rate that it keeps up.

    `latency_ms` is one percentile or the mean over so many `requests`; `usd_per_million` is what a
    million texts cost if the configuration is loaded so, None without prices. `front`: nothing else
    of the same workload beats it.
    """

    configuration: str
    workload: str
    rate_rps: float
    latency_ms: float
    requests: int
    usd_per_million: float | None
    front: bool


def priced_points(entries: Sequence[Entry], metric: str, offers: Sequence[Offer]) -> list[PricedPoint]:
    """A point for each configuration and rate that it keeps up.

    `metric` is the latency of the points (`p99_9`); loads without it have no point. A point is on
    the front where no other of the same workload is better in latency or rate without being worse
    in the other. A higher rate is a lower cost.
    """
    points = [point for entry in entries for point in _of_entry(entry, metric, offers)]
    workloads = {point.workload for point in points}
    kept = {workload: iter(_front([point for point in points if point.workload == workload])) for workload in workloads}
    return [replace(point, front=next(kept[point.workload])) for point in points]


def _front(points: Sequence[PricedPoint]) -> list[bool]:
    return front([(point.latency_ms, -point.rate_rps) for point in points])


def _of_entry(entry: Entry, metric: str, offers: Sequence[Offer]) -> list[PricedPoint]:
    points = []
    for load in entry.loads:
        if not load.sustained or load.latency_ms is None or metric not in load.latency_ms:
            continue
        if load.texts_per_s is None or load.throughput_rps is None:
            continue
        texts_per_s = load.texts_per_s / load.throughput_rps * load.rate_rps
        usd = offers[0].cost(texts_per_s).on_demand_usd_per_million if offers else None
        points.append(PricedPoint(entry.name, entry.workload, load.rate_rps, load.latency_ms[metric], load.requests, usd, front=False))
    return points
