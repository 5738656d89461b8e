"""Results from a measurement. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from loadtest.results.contention import Contention
from loadtest.results.costs import Pricing, costs_of
from loadtest.results.errors import faults_of
from loadtest.results.groups import groups_of
from loadtest.results.histogram import merged
from loadtest.results.hits import hits_of
from loadtest.results.latency import distribution_of
from loadtest.results.lateness import lateness_of
from loadtest.results.measurement import Measurement
from loadtest.results.observed import Observed
from loadtest.results.provenance import Provenance
from loadtest.results.requests import count_requests
from loadtest.results.results import Results
from loadtest.results.series import seconds_of, slice_over_time
from loadtest.results.slo_check import check
from loadtest.results.throughput import throughput_of
from loadtest.scenario.scenario import Scenario
from loadtest.slo import Slo
from loadtest.workload.server import DETECT, OTHER


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What surrounds a measurement.

    `usd_per_hour` is the price of the hardware, `prices` are others to reckon the cost at, and
    `slo` is what the results are held against. `observed` is what was seen of the stack meanwhile,
    `contention` what other work took of the machine (None: not measured);
    `problem` says why the measurement is not what was asked for, and is empty where it is.
    """

    provenance: Provenance
    usd_per_hour: float | None = None
    prices: Sequence[Pricing] = ()
    slo: Slo | None = None
    observed: Observed = field(default_factory=Observed)
    contention: Contention | None = None
    problem: str = ""

    def begun_at(self, started_at: str) -> "Circumstances":
        """The same of a measurement that began at another time (ISO 8601)."""
        return replace(self, provenance=replace(self.provenance, started_at=started_at))


def summarize(scenario: Scenario, measured: Measurement, around: Circumstances) -> Results:
    """The results of a measurement, also of one in which no request ended."""
    seen, elapsed_s = measured.recording, measured.elapsed_s
    latency = merged(group.latency for group in seen.groups.values())
    service = merged(group.service for group in seen.groups.values())
    requests, throughput = count_requests(seen), throughput_of(seen, elapsed_s, scenario.duration_s)
    seconds = seconds_of(seen.intervals(), elapsed_s)
    is_told = measured.server != OTHER
    series = slice_over_time(seconds, elapsed_s)
    if not is_told:
        series = [replace(part, cache_hit_rate=None) for part in series]
    return Results(
        scenario=scenario.without_headers(),
        provenance=around.provenance,
        elapsed_s=elapsed_s,
        interrupted=measured.interrupted,
        requests=requests,
        throughput=throughput,
        lateness=lateness_of(seen),
        latency=distribution_of(latency),
        service=distribution_of(service),
        hits=hits_of(seen, scenario.workload, is_told=is_told),
        errors=faults_of(seen),
        groups=groups_of(seen, is_told=is_told),
        series=series,
        latency_by_second=[second.latency.encode() for second in seconds],
        costs=costs_of(throughput, around.usd_per_hour, around.prices),
        generators=measured.generators,
        slo_check=None if around.slo is None else check(around.slo, requests, latency, series),
        problem=around.problem,
        observed=around.observed,
        contention=around.contention,
        server=None if measured.server == DETECT else measured.server,
    )
