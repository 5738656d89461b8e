"""The results of a load test: what `report.json` holds and the HTML draws. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from loadtest import cost
from loadtest.percentiles import latency_curve, summarize_latency
from loadtest.plan import Plan
from loadtest.samples import Sample
from loadtest.series import Slice, slice_over_time

SCHEMA_VERSION = 1
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Group:
    """The requests that one version answered under one variant (empty outside an experiment)."""

    version: str
    variant: str
    requests: int
    cache_hit_rate: float
    latency_ms: dict[str, float] | None
    latency_curve: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Failed requests of one kind; status 0 means that no answer came."""

    status: int
    reason: str
    requests: int


@dataclass(frozen=True, slots=True)
class Results:
    """What a load test found.

    `throughput_rps`, latencies (ms) and `cache_hit_rate` (share of texts) are of good answers; `requests` counts the failed too.
    `variants` counts good answers by version. `latency_ms`, `cache_hit_rate` and `usd_per_million` are None where nothing was answered
    well; `usd_per_million` (texts) also where no price was given. `offered` is what was sent, `sent_repeats` its measured share.
    """

    requests: int
    failures: int
    throughput_rps: float
    texts_per_s: float
    latency_ms: dict[str, float] | None
    cache_hit_rate: float | None
    variants: dict[str, int]
    usd_per_million: float | None
    usd_per_hour: float | None
    elapsed_s: float
    interrupted: bool
    groups: list[Group]
    cache: dict[str, int]
    errors: list[Fault]
    errors_by_status: dict[str, int]
    latency_curve: list[tuple[float, float]]
    series: list[Slice]
    offered: dict[str, Any]
    sent_repeats: float
    generator_cpu_share: float
    same_machine: bool
    machine: dict[str, str | int | float]
    command: str
    started_at: str
    schema_version: int = SCHEMA_VERSION

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Results":
        """The results that `to_dict` wrote, also by way of JSON."""
        return cls(
            **{
                **values,
                "groups": [Group(**{**group, "latency_curve": _pairs(group["latency_curve"])}) for group in values["groups"]],
                "errors": [Fault(**fault) for fault in values["errors"]],
                "series": [Slice(**part) for part in values["series"]],
                "latency_curve": _pairs(values["latency_curve"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What surrounds a measurement: the command line as typed (without secrets), when it began (ISO 8601), the machine, its price."""

    command: str
    started_at: str
    machine: dict[str, str | int | float]
    usd_per_hour: float | None = None


def summarize(
    plan: Plan, samples: Sequence[Sample], elapsed_s: float, generator_cpu_share: float, around: Circumstances, *, interrupted: bool = False
) -> Results:
    """The results of `samples` (at least one), seen in `elapsed_s` seconds."""
    good = [sample for sample in samples if not sample.outcome.failed]
    bad = Counter((sample.outcome.status, sample.outcome.fault) for sample in samples if sample.outcome.failed)
    errors = [Fault(status, reason, requests) for (status, reason), requests in bad.most_common()]
    by_status: Counter[str] = Counter()
    for fault in errors:
        by_status[str(fault.status)] += fault.requests
    texts_per_s = len(good) * plan.batch_size / elapsed_s
    latencies = sorted(sample.latency_ms for sample in good)
    price = around.usd_per_hour
    return Results(
        requests=len(samples),
        failures=len(samples) - len(good),
        throughput_rps=len(good) / elapsed_s,
        texts_per_s=texts_per_s,
        latency_ms=summarize_latency(latencies),
        cache_hit_rate=_hit_rate(good, plan.batch_size) if good else None,
        variants=dict(sorted(Counter(sample.outcome.version for sample in good if sample.outcome.version).items())),
        usd_per_million=cost.usd_per_million(price, texts_per_s) if price is not None and good else None,
        usd_per_hour=price,
        elapsed_s=elapsed_s,
        interrupted=interrupted,
        groups=_groups(good, plan.batch_size),
        cache=dict(Counter(sample.outcome.cache or "none" for sample in good).most_common()),
        errors=errors,
        errors_by_status=dict(by_status),
        latency_curve=latency_curve(latencies),
        series=slice_over_time(samples, elapsed_s, plan.batch_size),
        offered=_offered(plan),
        sent_repeats=sum(sample.repeats for sample in samples) / (len(samples) * plan.batch_size),
        generator_cpu_share=generator_cpu_share,
        same_machine=urlsplit(plan.url).hostname in LOOPBACK,
        machine=around.machine,
        command=around.command,
        started_at=around.started_at,
    )


def _pairs(points: Iterable[Sequence[float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points]


def _hit_rate(good: Sequence[Sample], batch_size: int) -> float:
    return sum(sample.hits for sample in good) / (len(good) * batch_size)


def _groups(good: Sequence[Sample], batch_size: int) -> list[Group]:
    members: dict[tuple[str, str], list[Sample]] = {}
    for sample in good:
        members.setdefault((sample.outcome.version, sample.outcome.variant), []).append(sample)
    groups = []
    for (version, variant), samples in sorted(members.items()):
        latencies = sorted(sample.latency_ms for sample in samples)
        groups.append(
            Group(version, variant, len(samples), _hit_rate(samples, batch_size), summarize_latency(latencies), latency_curve(latencies))
        )
    return groups


def _offered(plan: Plan) -> dict[str, Any]:
    """The plan without the headers, which may hold keys."""
    offered = plan.to_dict()
    del offered["headers"]
    return {**offered, "loop": "closed", "think_time_s": 0}
