"""The results of a load test: what `report.json` holds and the HTML draws. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from loadtest.results.contention import Contention
from loadtest.results.costs import Cost, Costs
from loadtest.results.errors import Fault, count_by_status
from loadtest.results.groups import Group, count_by_version
from loadtest.results.hits import Hits
from loadtest.results.latency import Distribution
from loadtest.results.lateness import Lateness
from loadtest.results.measurement import Generators, GeneratorUse
from loadtest.results.observed import Observed
from loadtest.results.provenance import Provenance
from loadtest.results.requests import Requests
from loadtest.results.series import Slice
from loadtest.results.slo_check import SloCheck
from loadtest.results.throughput import Throughput
from loadtest.scenario.scenario import Scenario
from loadtest.slo import parse_slo
from loadtest.workload.server import HEADRACE, OTHER

SCHEMA_VERSION = 2
BUSY_GENERATOR = 0.9
STARVED_GENERATOR = 0.25
"""A generator that uses, or waits for, a greater share of a core than these makes latencies of its
own. A system that shares its cores makes it wait, too, so that a smaller wait is only a caution."""
BEHIND_SHARE = 0.01
SloVerdict = Literal["held", "missed", "unknown"]
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Results:
    """What a load test found.

    `scenario` has no headers, which may hold keys. Throughput, latencies and hits are of good
    answers: `latency` counts from the intended start of a request, `service` from the real one, and
    `latency_by_second` has the histogram of each second of `series` in HdrHistogram's encoding,
    within 1 % ("" for a second without good answers).

    `problem` says why a load test ended before its time or never began, and is empty otherwise.
    `slo_check` is None where the load test was held against no SLO. `observed` is what was seen of
    the stack meanwhile, and `contention` what other work took of the machine (None: not measured).
    `server` is `headrace` or `other` (None: the load test ended before that was known).
    """

    scenario: Scenario
    provenance: Provenance
    elapsed_s: float
    interrupted: bool
    requests: Requests
    throughput: Throughput
    lateness: Lateness
    latency: Distribution
    service: Distribution
    hits: Hits
    errors: list[Fault]
    groups: list[Group]
    series: list[Slice]
    latency_by_second: list[str]
    costs: Costs
    generators: Generators
    slo_check: SloCheck | None = None
    problem: str = ""
    observed: Observed = field(default_factory=Observed)
    contention: Contention | None = None
    server: str | None = HEADRACE

    @property
    def kept_up(self) -> bool:
        """Whether the generator sent in time what it should.

        It always did in a closed loop, which has no times at which requests should be sent.
        """
        if self.loop == "closed" or not self.throughput.offered_rps:
            return True
        share_behind = self.lateness.behind / max(self.lateness.behind + self.requests.ended, 1)
        return share_behind <= BEHIND_SHARE and not (self.requests.dropped and self.generators.cpu_share > BUSY_GENERATOR)

    @property
    def slo_verdict(self) -> SloVerdict | None:
        """Whether the SLO was held; None without one.

        It is unknown where the load test did not come about as asked for, where the generator could
        not keep up or was lost, and where the SLO was missed while `doubts` speak against it: the
        system alone may hold it. An SLO that was held in spite of them was held.
        """
        if self.slo_check is None:
            return None
        if self.problem or not self.kept_up or self.generators.lost:
            return "unknown"
        if not self.slo_check.misses:
            return "held"
        return "unknown" if self.doubts else "missed"

    @property
    def is_headrace(self) -> bool:
        """Whether the server tells versions, hits and its metrics: another one does not."""
        return self.server != OTHER

    @property
    def disturbed(self) -> bool:
        """Whether other work took so much of the machine that a worse figure proves nothing."""
        return self.contention is not None and self.contention.disturbs

    @property
    def strain(self) -> str:
        """How the generator itself was short of CPU, a clause; empty where it was not."""
        used, waited = self.generators.cpu_share, self.generators.cpu_wait_share
        if used > BUSY_GENERATOR:
            return f"the load generator used {used:.0%} of a core"
        return f"the load generator waited {waited:.0%} of the time for a core" if waited > STARVED_GENERATOR else ""

    @property
    def doubts(self) -> list[str]:
        """Why the system alone may do better than it did here, a clause each."""
        return [*([str(self.contention)] if self.disturbed else []), *([self.strain] if self.strain else [])]

    @property
    def loop(self) -> str:
        """`open` or `closed`."""
        return self.scenario.loop.kind

    @property
    def same_machine(self) -> bool:
        """Whether the gateway ran on the generator's machine."""
        return urlsplit(self.scenario.url).hostname in LOOPBACK

    @property
    def answers_by_version(self) -> dict[str, int]:
        """Good answers by the version that gave them."""
        return count_by_version(self.groups)

    def to_dict(self) -> dict[str, Any]:
        """As the JSON values of report.json; `from_dict` reads them back."""
        check = self.slo_check
        return {
            "loop": self.loop,
            "requests": self.requests.ended,
            "failures": self.requests.failed,
            "offered_rps": self.throughput.offered_rps,
            "sent_rps": self.throughput.sent_rps,
            "throughput_rps": self.throughput.answered_rps,
            "texts_per_s": self.throughput.texts_per_s,
            "late": self.lateness.late,
            "behind": self.lateness.behind,
            "dropped": self.requests.dropped,
            "reconnects": self.requests.reconnected,
            "latency_ms": self.latency.summary_ms,
            "service_ms": self.service.summary_ms,
            "latency_behind": self.latency.behind,
            "lateness_ms": self.lateness.summary_ms,
            "cache_hit_rate": self.hits.rate,
            "expected_hit_rate": self.hits.expected,
            "sent_repeats": self.hits.repeats_sent,
            "answered_repeats": self.hits.repeats_answered,
            "variants": self.answers_by_version,
            "usd_per_million": self.costs.usd_per_million,
            "usd_per_hour": self.costs.usd_per_hour,
            "elapsed_s": self.elapsed_s,
            "interrupted": self.interrupted,
            "lost_workers": self.generators.lost,
            "groups": [asdict(group) for group in self.groups],
            "cache": self.hits.by_status,
            "errors": [asdict(fault) for fault in self.errors],
            "errors_by_status": count_by_status(self.errors),
            "latency_curve": self.latency.curve,
            "service_curve": self.service.curve,
            "series": [asdict(part) for part in self.series],
            "histograms": {"latency": self.latency.histogram, "service": self.service.histogram},
            "offered": self.scenario.offered(),
            "generators": [asdict(use) for use in self.generators.uses],
            "same_machine": self.same_machine,
            "machine": dict(self.provenance.machine),
            "command": self.provenance.command,
            "started_at": self.provenance.started_at,
            "schema_version": SCHEMA_VERSION,
            "latency_by_second": self.latency_by_second,
            "problem": self.problem,
            "slo": None if check is None else str(check.slo),
            "slo_misses": [] if check is None else check.misses,
            "slo_verdict": self.slo_verdict,
            "costs": [asdict(cost) for cost in self.costs.by_price],
            "versions": dict(self.provenance.versions),
            "observed": asdict(self.observed),
            "contention": None if self.contention is None else asdict(self.contention),
            "server": self.server,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Results":
        """The results that `to_dict` wrote, also by way of JSON.

        Raises:
            ValueError: they were written by another version, a field is missing, or a value cannot
                be one of its field.
            TypeError: a part has a field too few or too many.
        """
        if values.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(
                f"results of schema version {values.get('schema_version')} cannot be read, only of {SCHEMA_VERSION}: run it again"
            )
        try:
            return cls._from_fields(values)
        except KeyError as exc:
            raise ValueError(f"the field {exc} is missing") from exc

    @classmethod
    def _from_fields(cls, values: Mapping[str, Any]) -> "Results":
        slo, behind, histograms = values.get("slo"), values["latency_behind"], values["histograms"]
        return cls(
            scenario=Scenario.from_dict(values["offered"]),
            provenance=Provenance(values["command"], values["started_at"], values["machine"], values.get("versions", {})),
            elapsed_s=values["elapsed_s"],
            interrupted=values["interrupted"],
            requests=Requests(values["requests"], values["failures"], values["dropped"], values.get("reconnects", 0)),
            throughput=Throughput(values["offered_rps"], values["sent_rps"], values["throughput_rps"], values["texts_per_s"]),
            lateness=Lateness(values["late"], values["behind"], values["lateness_ms"]),
            latency=Distribution(values["latency_ms"], behind, _pairs(values["latency_curve"]), histograms["latency"]),
            # each good answer counts once in either, so that as many stand behind a percentile
            service=Distribution(values["service_ms"], behind, _pairs(values["service_curve"]), histograms["service"]),
            hits=Hits(
                rate=values["cache_hit_rate"],
                expected=values["expected_hit_rate"],
                repeats_sent=values["sent_repeats"],
                repeats_answered=values["answered_repeats"],
                by_status=values["cache"],
            ),
            errors=[Fault(**fault) for fault in values["errors"]],
            groups=[Group(**{**group, "latency_curve": _pairs(group["latency_curve"])}) for group in values["groups"]],
            series=[Slice(**part) for part in values["series"]],
            latency_by_second=values.get("latency_by_second", []),
            costs=Costs(
                usd_per_hour=values["usd_per_hour"],
                usd_per_million=values["usd_per_million"],
                by_price=[Cost(**cost) for cost in values.get("costs", [])],
            ),
            generators=Generators(tuple(GeneratorUse(**use) for use in values["generators"]), values["lost_workers"]),
            slo_check=None if slo is None else SloCheck(parse_slo(slo), values.get("slo_misses", [])),
            problem=values.get("problem", ""),
            observed=Observed.from_dict(values.get("observed", {"processes": [], "tritons": [], "notes": []})),
            contention=Contention.from_dict(values.get("contention")),
            server=values.get("server", HEADRACE),
        )


def _pairs(points: Iterable[Sequence[float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points]
