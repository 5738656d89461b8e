"""Results from a measurement. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from loadtest import cost
from loadtest.results.histogram import Histogram, merged
from loadtest.results.measurement import Measurement
from loadtest.results.observed import Observed
from loadtest.results.percentiles import count_behind, latency_curve, summarize_latency
from loadtest.results.recording import GroupRecord, Recording
from loadtest.results.results import Cost, Fault, Group, Results
from loadtest.results.series import seconds_of, slice_over_time
from loadtest.scenario.scenario import Scenario
from loadtest.slo import Slo
from loadtest.workload.expectation import expected_hit_rate

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
LEAST_S = 1e-9
"""Keeps the rates of a load that never began at 0."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """One price of the hardware, such as that of an instance type on demand, and where and when it was published."""

    name: str
    usd_per_hour: float
    source: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What surrounds a measurement: the command line as typed (without secrets), when it began (ISO 8601), the machine, its price.

    `prices`: more prices to reckon the cost at; `slo`: what the results are held against; `versions` of the programs, by name.
    """

    command: str
    started_at: str
    machine: Mapping[str, str | int | float]
    usd_per_hour: float | None = None
    prices: Sequence[Pricing] = ()
    slo: Slo | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    observed: Observed = field(default_factory=Observed)
    problem: str = ""


def summarize(scenario: Scenario, measured: Measurement, around: Circumstances) -> Results:
    """The results of a measurement, also of one in which no request ended."""
    seen, elapsed_s, price = measured.recording, measured.elapsed_s, around.usd_per_hour
    latency = merged(group.latency for group in seen.groups.values())
    service = merged(group.service for group in seen.groups.values())
    texts = sum(group.texts for group in seen.groups.values())
    errors, by_status = _errors(seen)
    # arrivals are due within the duration; the last answers come after it
    due_s = max(min(elapsed_s, scenario.duration_s), LEAST_S)
    return Results(
        loop=scenario.loop.kind,
        requests=seen.requests,
        failures=seen.failures,
        offered_rps=seen.offered / due_s,
        sent_rps=seen.started / due_s,
        throughput_rps=seen.answered / max(elapsed_s, LEAST_S),
        texts_per_s=texts / max(elapsed_s, LEAST_S),
        late=seen.late,
        behind=seen.behind,
        dropped=seen.dropped,
        latency_ms=summarize_latency(latency),
        service_ms=summarize_latency(service),
        latency_behind=count_behind(latency),
        lateness_ms=summarize_latency(seen.lateness),
        cache_hit_rate=sum(group.hits for group in seen.groups.values()) / texts if texts else None,
        expected_hit_rate=expected_hit_rate(scenario.workload, seen.started) if seen.started else 0.0,
        answered_repeats=sum(group.repeats for group in seen.groups.values()) / texts if texts else None,
        sent_repeats=seen.repeats / max(seen.texts, 1),
        variants=_by_version(seen),
        usd_per_million=cost.usd_per_million(price, texts / elapsed_s) if price is not None and texts else None,
        usd_per_hour=price,
        elapsed_s=elapsed_s,
        interrupted=measured.interrupted,
        lost_workers=measured.lost_workers,
        groups=[_group(key, group) for key, group in sorted(seen.groups.items())],
        cache=dict(seen.cache.most_common()),
        errors=errors,
        errors_by_status=by_status,
        latency_curve=latency_curve(latency),
        service_curve=latency_curve(service),
        series=slice_over_time(seen.intervals(), elapsed_s) if elapsed_s > 0 else [],
        latency_by_second=[_encoded(second.latency) for second in seconds_of(seen.intervals(), elapsed_s)] if elapsed_s > 0 else [],
        histograms={"latency": _encoded(latency), "service": _encoded(service)},
        offered=_offered(scenario),
        generators=list(measured.generators),
        same_machine=urlsplit(scenario.url).hostname in LOOPBACK,
        machine=dict(around.machine),
        command=around.command,
        started_at=around.started_at,
        problem=around.problem,
        slo=None if around.slo is None else str(around.slo),
        slo_misses=[] if around.slo is None else around.slo.misses(_held_against(around.slo, seen, latency)),
        costs=_costs(around, texts / max(elapsed_s, LEAST_S), seen.answered / max(elapsed_s, LEAST_S)),
        versions=dict(around.versions),
        observed=around.observed,
    )


def _held_against(slo: Slo, seen: Recording, latency: Histogram) -> dict[str, Any]:
    """What the SLO asks for; a request that was dropped counts as failed, since its caller got no answer."""
    asked = {objective.metric: objective.quantile for objective in slo.objectives if objective.quantile is not None}
    latency_ms = {"mean": latency.mean_ms, **dict(zip(asked, latency.quantiles_ms(list(asked.values())), strict=True))}
    return {
        "latency_ms": latency_ms if len(latency) else None,
        "requests": seen.requests + seen.dropped,
        "failures": seen.failures + seen.dropped,
    }


def _costs(around: Circumstances, texts_per_s: float, requests_per_s: float) -> list[Cost]:
    given = [] if around.usd_per_hour is None else [Pricing("as given", around.usd_per_hour)]
    return [
        Cost(
            pricing.name,
            pricing.usd_per_hour,
            cost.usd_per_million(pricing.usd_per_hour, texts_per_s) if texts_per_s else None,
            cost.usd_per_million(pricing.usd_per_hour, requests_per_s) if requests_per_s else None,
            pricing.source,
            pricing.date,
        )
        for pricing in (*given, *around.prices)
    ]


def _errors(seen: Recording) -> tuple[list[Fault], dict[str, int]]:
    by_status: Counter[str] = Counter()
    for (status, _), requests in seen.faults.items():
        by_status[str(status)] += requests
    return [Fault(status, reason, requests) for (status, reason), requests in seen.faults.most_common()], dict(by_status)


def _by_version(seen: Recording) -> dict[str, int]:
    versions: Counter[str] = Counter()
    for (_, version, _), group in sorted(seen.groups.items()):
        if version:
            versions[version] += group.requests
    return dict(versions)


def _group(key: tuple[str, str, str], group: GroupRecord) -> Group:
    summary = summarize_latency(group.latency)
    return Group(*key, group.requests, group.hits / group.texts, summary, latency_curve(group.latency))


def _encoded(histogram: Histogram) -> str:
    return str(histogram.to_dict()["hdr"])


def _offered(scenario: Scenario) -> dict[str, Any]:
    """The scenario without the headers, which may hold keys."""
    offered = scenario.to_dict()
    del offered["headers"]
    return offered
