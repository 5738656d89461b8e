"""All metrics, each declared once. No label is a user id or a name that a client chose freely."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from gateway.observability import metrics_files

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not annotate it
OPEN_METRICS: Final = "application/openmetrics-text"
FOLDER: Final = Path(os.environ[metrics_files.VARIABLE]) if metrics_files.VARIABLE in os.environ else None
if FOLDER is not None:
    # the library takes this class when a metric is made, so it is set before the first metric
    _slot = metrics_files.Slot(FOLDER)
    values.ValueClass = values.MultiProcessValue(lambda: _slot.number)  # type: ignore[no-untyped-call]  # the library does not annotate it
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_ARM = ("model", "version", "experiment", "variant", "cache")

REQUESTS = Counter("headrace_requests_total", "Requests by outcome", (*_ARM, "status"))
REQUEST_SECONDS = Histogram(
    "headrace_request_seconds", "From the first byte of the request to the last of the answer", _ARM, buckets=_SECONDS
)
STAGE_SECONDS = Histogram("headrace_stage_seconds", "Time in each stage of a request's life", ("stage",), buckets=_SECONDS)
IN_FLIGHT = Gauge("headrace_requests_in_flight", "Requests being answered", multiprocess_mode="livesum")

ITEMS = Counter("headrace_items_total", "Items by how they were answered: hit, stale, miss, coalesced", ("model", "version", "result"))
PENDING = Gauge("headrace_pending_items", "Texts that wait or are in flight to Triton", ("model", "version"), multiprocess_mode="livesum")
QUEUED = Gauge(
    "headrace_queued_items", "Texts that wait for a call to Triton", ("model", "version", "priority"), multiprocess_mode="livesum"
)
QUEUE_SECONDS = Histogram(
    "headrace_queue_seconds",
    "How long the text that came first into a call to Triton waited for it",
    ("model", "version", "priority"),
    buckets=_SECONDS,
)
TRITON_CALLS = Counter("headrace_triton_calls_total", "Calls to Triton by HTTP status, timeout, unreachable", ("model", "version", "code"))
TRITON_CALL_ITEMS = Histogram(
    "headrace_triton_call_items", "Texts joined into one call to Triton", ("model", "version"), buckets=(1, 2, 4, 8, 16, 32, 64)
)
LIMIT = Gauge("headrace_limit", "Texts of a version that may be in flight to Triton now", ("model", "version"), multiprocess_mode="livesum")
SHED = Counter("headrace_shed_items_total", "Texts shed with 429: refused, or given up for others", ("model", "version", "priority"))
EXPIRED = Counter("headrace_expired_items_total", "Texts dropped before their call: too late for an answer in time", ("model", "version"))
ENDPOINTS = Gauge(
    "headrace_endpoints", "Tritons by state: closed (all calls go), open, half-open, ejected", ("state",), multiprocess_mode="livemax"
)
EJECTIONS = Counter("headrace_endpoint_ejections_total", "Tritons taken out: silence, failures, slowness", ("reason",))
RETRIES = Counter("headrace_triton_retries_total", "Calls made again with another Triton, by the error", ("error",))
HEDGES = Counter("headrace_triton_hedges_total", "Calls sent to a second Triton because the first took long")
REPLACED = Counter(
    "headrace_triton_replaced_total", "Calls that another package than the one asked would have answered", ("model", "version")
)
CACHE_ERRORS = Counter("headrace_cache_errors_total", "Look-ups, stores and leases that the cache did not do", ("operation",))
CACHE_UNREADABLE = Counter(
    "headrace_cache_unreadable_total", "Cached values taken as misses: foreign (not our format), corrupt (altered)", ("reason",)
)
CACHE_HITS = Counter("headrace_cache_hits_total", "Entries found, by tier: memory, redis", ("model", "version", "tier"))
CACHE_REFUSED = Counter("headrace_cache_refused_total", "Answers not stored since they are too large", ("model", "version"))
CACHE_BYTES = Counter("headrace_cache_bytes_total", "Bytes of values read from and written to Redis", ("direction",))
CACHE_MEMORY_BYTES = Gauge("headrace_cache_memory_bytes", "Bytes held by the in-process tier", multiprocess_mode="livesum")
CACHE_REFRESHES = Counter("headrace_cache_refreshes_total", "Stale entries computed anew in the background", ("model", "version", "result"))
CACHE_LEASES = Counter(
    "headrace_cache_leases_total", "Leases asked for before a miss is computed: won, shared, taken_over, busy, unavailable", ("outcome",)
)
CACHE_LEASE_SECONDS = Histogram(
    "headrace_cache_lease_seconds", "From asking for a lease until the value was there or the lease ours", buckets=_SECONDS
)
CACHE_SAVED_SECONDS = Counter("headrace_cache_saved_seconds_total", "Seconds of Triton that hits saved", ("model", "version"))
CACHE_SAVED_USD = Counter("headrace_cache_saved_usd_total", "USD of Triton that hits saved, by its price per hour", ("model", "version"))

EXPERIMENTS_VALID = Gauge("headrace_experiments_valid", "1 while the experiments file is the one in force", multiprocess_mode="livemin")
FALLBACKS = Counter(
    "headrace_assignment_fallbacks_total",
    "Requests whose variant's version was not ready: answered by the control, counted in their arm",
    ("experiment", "variant"),
)
VERSIONS_REFUSED = Gauge(
    "headrace_versions_refused", "Versions in Triton whose manifests are unsigned, altered or signed by others", multiprocess_mode="livemax"
)
TRITON_UP = Gauge("headrace_triton_up", "1 while Triton answers", multiprocess_mode="livemin")

UNAUTHENTICATED = Counter("headrace_unauthenticated_total", "Requests without a key or token that is valid")
RATE_LIMITED = Counter("headrace_rate_limited_total", "Requests over a limit of their key or tenant", ("unit", "limit"))
RATE_LIMITS_LOCAL = Counter("headrace_rate_limits_local_total", "Times that limits were counted in one process, since state was gone")
DROPPED_EXPOSURES = Counter(
    "headrace_dropped_exposures_total", "Requests that experiments do not count, since state was gone for too long", ("experiment",)
)
SHADOWED = Counter(
    "headrace_shadowed_requests_total", "Requests by what a shadow made of them: compared, dropped, failed", ("model", "version", "result")
)
LEADS = Gauge("headrace_leads_experiments", "1 in the one worker of all gateways that moves ramps", multiprocess_mode="livesum")
STATE_ERRORS = Counter("headrace_state_errors_total", "Questions that Redis state did not answer")
CUT_OFF = Counter("headrace_connections_cut_off_total", "Connections closed before they brought a request", ("reason",))

WORKERS = Gauge("headrace_workers", "Worker processes that are alive", multiprocess_mode="livesum")
RUNTIME_VALID = Gauge(
    "headrace_runtime_settings_valid", "1 while the file of runtime settings is the one in force", multiprocess_mode="livemin"
)
BUILD = Gauge("headrace_build_info", "1, with the version of the gateway that runs", ("version",), multiprocess_mode="livemax")


def start(version: str) -> None:
    """Set the metrics of a worker that starts, with the gateway's `version`."""
    WORKERS.set(1)
    BUILD.labels(version).set(1)
    for gauge in (EXPERIMENTS_VALID, RUNTIME_VALID, TRITON_UP):
        # the minimum over all workers is shown, and a worker that is starting must not lower it
        gauge.set(1)


def remove(gauge: Gauge, *labels: str | int) -> None:
    """Remove a series of a gauge.

    Where several workers count it stays with the value 0, since the library cannot remove it from
    their files.
    """
    gauge.labels(*labels).set(0)
    if FOLDER is None:
        gauge.remove(*labels)


class _Workers(Collector):
    """The metrics of all workers, merged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        found: Iterable[Metric] = MultiProcessCollector.merge(metrics_files.shown(self._folder))  # type: ignore[no-untyped-call]  # the library does not annotate it
        return found


def exposition(accept: str) -> tuple[bytes, str]:
    """All metrics over all workers, and their content type.

    The format is OpenMetrics where `accept` asks for it, else Prometheus' text format.
    """
    registry = REGISTRY
    if FOLDER is not None:
        registry = CollectorRegistry()
        registry.register(_Workers(FOLDER))
    # the library's own choice of a format fails on versions that it cannot read
    if OPEN_METRICS in accept:
        return openmetrics.generate_latest(registry), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]  # the library does not annotate it
    return generate_latest(registry), CONTENT_TYPE_LATEST
