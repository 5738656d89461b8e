"""The results of a load test: what `report.json` holds and the HTML draws. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from loadtest.results.measurement import GeneratorUse
from loadtest.results.observed import Observed
from loadtest.results.series import Slice

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class Group:
    """The requests that one version of a model answered under one variant (empty outside an experiment)."""

    model: str
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
class Cost:
    """What the load costs at one price of the hardware, of `source` and `date`; per million None where nothing was answered well."""

    pricing: str
    usd_per_hour: float
    usd_per_million_texts: float | None
    usd_per_million_requests: float | None
    source: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """What a load test found.

    `loop` is `open` or `closed`. `offered_rps` is what was due a second, `sent_rps` what was sent; they differ by what was `dropped`.
    `requests` ended, well or not; `throughput_rps`, latencies (ms) and `cache_hit_rate` (share of texts) are of good answers. `latency_ms`
    counts from the intended start, `service_ms` from the real one; `latency_behind` says how many requests took as long as a percentile
    or longer. `late` waited since the most in flight were out, `behind` since the generator was not in time, `dropped` were never sent.
    `lateness_ms` is how late requests started. `histograms` holds `latency` and `service` in HdrHistogram's encoding, in microseconds, and
    `latency_by_second` that of the good answers of each second of `series` ("" without any), within 1 %.

    `variants` counts good answers by version. `latency_ms`, `cache_hit_rate` and `usd_per_million` are None where nothing was answered
    well; `usd_per_million` (texts) also where no price was given. `offered` is the scenario, without headers; `sent_repeats` the measured
    share of repeats, `answered_repeats` that of what was answered well, `expected_hit_rate` the one that the scenario leads to expect.

    `problem` says why a load test ended before its time or never began, and is empty otherwise. `slo` is the SLO that it was held
    against (None: none), `slo_misses` the objectives that it did not keep, a phrase each; requests that were dropped count as failed.
    `observed` is what was seen of the stack meanwhile.
    """

    loop: str
    requests: int
    failures: int
    offered_rps: float
    sent_rps: float
    throughput_rps: float
    texts_per_s: float
    late: int
    behind: int
    dropped: int
    latency_ms: dict[str, float] | None
    service_ms: dict[str, float] | None
    latency_behind: dict[str, int]
    lateness_ms: dict[str, float] | None
    cache_hit_rate: float | None
    expected_hit_rate: float
    sent_repeats: float
    answered_repeats: float | None
    variants: dict[str, int]
    usd_per_million: float | None
    usd_per_hour: float | None
    elapsed_s: float
    interrupted: bool
    lost_workers: int
    groups: list[Group]
    cache: dict[str, int]
    errors: list[Fault]
    errors_by_status: dict[str, int]
    latency_curve: list[tuple[float, float]]
    service_curve: list[tuple[float, float]]
    series: list[Slice]
    histograms: dict[str, str]
    offered: dict[str, Any]
    generators: list[GeneratorUse]
    same_machine: bool
    machine: dict[str, str | int | float]
    command: str
    started_at: str
    schema_version: int = SCHEMA_VERSION
    latency_by_second: list[str] = field(default_factory=list)
    problem: str = ""
    slo: str | None = None
    slo_misses: list[str] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    observed: Observed = field(default_factory=Observed)

    @property
    def error_share(self) -> float:
        """The share of the requests that were due, and came to an end, that failed or were dropped."""
        return (self.failures + self.dropped) / max(self.requests + self.dropped, 1)

    @property
    def generator_cpu_share(self) -> float:
        """The share of one core that the busiest generator process used."""
        return max((generator.cpu_share for generator in self.generators), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Results":
        """The results that `to_dict` wrote, also by way of JSON.

        Raises:
            ValueError: they were written by another version.
        """
        if values.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(
                f"results of schema version {values.get('schema_version')} cannot be read, only of {SCHEMA_VERSION}: run it again"
            )
        return cls(
            **{
                **values,
                "groups": [Group(**{**group, "latency_curve": _pairs(group["latency_curve"])}) for group in values["groups"]],
                "errors": [Fault(**fault) for fault in values["errors"]],
                "series": [Slice(**part) for part in values["series"]],
                "generators": [GeneratorUse(**generator) for generator in values["generators"]],
                "latency_curve": _pairs(values["latency_curve"]),
                "service_curve": _pairs(values["service_curve"]),
                "costs": [Cost(**cost) for cost in values.get("costs", [])],
                "observed": Observed.from_dict(values.get("observed", {"processes": [], "tritons": [], "notes": []})),
            }
        )


def _pairs(points: Iterable[Sequence[float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points]
