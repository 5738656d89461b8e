"""Results from a measurement. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from loadtest import cost
from loadtest.results.histogram import Histogram, merged
from loadtest.results.measurement import Measurement
from loadtest.results.percentiles import count_behind, latency_curve, summarize_latency
from loadtest.results.recording import GroupRecord, Recording
from loadtest.results.results import Fault, Group, Results
from loadtest.results.series import seconds_of, slice_over_time
from loadtest.scenario import Scenario
from loadtest.workload.expectation import expected_hit_rate

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What surrounds a measurement: the command line as typed (without secrets), when it began (ISO 8601), the machine, its price."""

    command: str
    started_at: str
    machine: Mapping[str, str | int | float]
    usd_per_hour: float | None = None


def summarize(scenario: Scenario, measured: Measurement, around: Circumstances) -> Results:
    """The results of a measurement in which one request at least ended."""
    seen, elapsed_s, price = measured.recording, measured.elapsed_s, around.usd_per_hour
    latency = merged(group.latency for group in seen.groups.values())
    service = merged(group.service for group in seen.groups.values())
    texts = sum(group.texts for group in seen.groups.values())
    errors, by_status = _errors(seen)
    # arrivals are due within the duration; the last answers come after it
    due_s = min(elapsed_s, scenario.duration_s)
    return Results(
        loop=scenario.loop.kind,
        requests=seen.requests,
        failures=seen.failures,
        offered_rps=seen.offered / due_s,
        sent_rps=seen.started / due_s,
        throughput_rps=seen.answered / elapsed_s,
        texts_per_s=texts / elapsed_s,
        late=seen.late,
        behind=seen.behind,
        dropped=seen.dropped,
        latency_ms=summarize_latency(latency),
        service_ms=summarize_latency(service),
        latency_behind=count_behind(latency),
        lateness_ms=summarize_latency(seen.lateness),
        cache_hit_rate=sum(group.hits for group in seen.groups.values()) / texts if texts else None,
        expected_hit_rate=expected_hit_rate(scenario.workload, seen.started),
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
        series=slice_over_time(seen.intervals(), elapsed_s),
        latency_by_second=[_encoded(second.latency) for second in seconds_of(seen.intervals(), elapsed_s)],
        histograms={"latency": _encoded(latency), "service": _encoded(service)},
        offered=_offered(scenario),
        generators=list(measured.generators),
        same_machine=urlsplit(scenario.url).hostname in LOOPBACK,
        machine=dict(around.machine),
        command=around.command,
        started_at=around.started_at,
    )


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
