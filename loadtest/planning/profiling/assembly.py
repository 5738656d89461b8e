"""A capacity profile put together from its phases. Pure.

With it comes a sentence on each thing that could not be measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from loadtest.observation.triton_statistics import Configuration
from loadtest.planning.capacity.profile import SCHEMA
from loadtest.planning.capacity.profile_part import GatewayPart, ProfilePart, TimesPart, TritonPart
from loadtest.planning.profiling.batch_seconds import seconds_by_size
from loadtest.planning.profiling.occupancy import occupancy
from loadtest.planning.profiling.phases import Phase
from loadtest.planning.search.capacity_part import measured_point
from loadtest.results.histogram import Histogram
from loadtest.results.results import Results
from loadtest.workload.workload import Workload

SHARES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
BYTES_PER_KEY = 148
"""What Valkey 9 and Redis 7 take for a key of ours beside its value.

That is the key, its expiry, and the entries of both tables.
"""
MS_PER_S = 1e3
LEAST_SHARE = 0.1
"""No service time is reported as shorter than this share of the mean."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was measured: the model, the instance type (of the price table), the texts of a request.

    `bytes_per_item`: memory of a cached item, None where it is not known.
    """

    model: str
    instance: str
    cores: float
    command: str
    measured_on: str
    items_per_request: int
    bytes_per_item: float | None = None


class Assembled(NamedTuple):
    """A profile, whole or in part, and a sentence on each thing that it lacks or assumes."""

    profile: ProfilePart
    cautions: list[str]


def assemble(subject: Subject, phases: Sequence[Phase], points: Sequence[Phase], triton: Configuration, problem: str = "") -> Assembled:
    """Put a profile together.

    `phases` are those of `Phases.run`: hits alone, hits, misses, batches. `problem` says why the
    measurement broke off, and is empty where it did not.
    """
    alone, hits, misses, *_ = phases
    hit_s, miss_s = _mean_s(alone.results), _mean_s(misses.results)
    batch_seconds = seconds_by_size(phases)
    call_s = batch_seconds[1] if 1 in batch_seconds else max(miss_s - hit_s, LEAST_SHARE * miss_s)
    profile = heading(subject, problem)
    held_s = {size: seconds * occupancy(phases, triton.instances) for size, seconds in batch_seconds.items()}
    profile["triton"] = _triton(misses.results, miss_s, call_s, triton, held_s)
    profile["gateway"] = _gateway(alone, hits, misses, max(miss_s - hit_s - call_s, 0.0))
    bytes_per_item = _bytes_per_item(subject, misses)
    if bytes_per_item is not None:
        profile["cache"] = {"bytes_per_item": bytes_per_item}
    profile["points"] = [measured_point(point.results, 1, 1) for point in points]
    cautions = [*_cautions_on_calls(batch_seconds), *_cautions_on_gateway(hits, misses), *_cautions_on_cache(subject, misses)]
    return Assembled(profile, cautions)


def heading(subject: Subject, problem: str = "") -> ProfilePart:
    """What is known of a profile before anything is measured; `problem` as of `assemble`."""
    profile: ProfilePart = {"schema": SCHEMA}
    if problem:
        profile["problem"] = problem
    profile["measured"] = {
        "on": subject.measured_on,
        "instance": subject.instance,
        "cores": subject.cores,
        "command": subject.command,
    }
    profile["model"] = subject.model
    profile["items_per_request"] = subject.items_per_request
    return profile


def point_rates(loads: Sequence[float], profile: ProfilePart, workload: Workload) -> list[float]:
    """Requests/s that load Triton's instances to these shares, or the gateway if it can do less."""
    triton, gateway = profile["triton"], profile["gateway"]
    misses = workload.mean_batch_size * (1 - (workload.repeat if workload.zipf is None else 0.0))
    highest = []
    if misses > 0:
        highest.append(triton["instances"] / triton["service_s"]["mean"] / misses)
    cpu_s = gateway.get("cpu_s_per_miss") if misses > 0 else gateway.get("cpu_s_per_hit")
    if cpu_s:
        highest.append(1 / cpu_s)
    return [load * min(highest) for load in loads] if highest else []


def _triton(results: Results, miss_s: float, call_s: float, triton: Configuration, held_s: Mapping[int, float]) -> TritonPart:
    # calls vary as the latencies of misses do: the difference is much the same for all requests
    between_s = miss_s - call_s
    histogram = _latency(results)
    quantiles = {share: max(ms / MS_PER_S - between_s, LEAST_SHARE * call_s) for share, ms in _quantiles_ms(histogram).items()}
    part: TritonPart = {
        "instances": triton.instances,
        "service_s": {
            "mean": call_s,
            "scv": variance_s2(histogram) / call_s**2,
            "quantiles": {str(share): seconds for share, seconds in quantiles.items()},
        },
        "queue_delay_s": triton.queue_delay_s,
    }
    if 1 in held_s:
        part["seconds_per_item"] = held_s[1]
    if len(held_s) > 1:
        part["batch_seconds"] = {str(size): seconds for size, seconds in held_s.items()}
    return part


def _gateway(alone: Phase, hits: Phase, misses: Phase, overhead_s: float) -> GatewayPart:
    part: GatewayPart = {
        "hit_latency_s": _times(alone.results),
        "miss_overhead_s": overhead_s,
        "workers": max(misses.after.workers, 1),
    }
    per_hit, per_miss = hits.cpu_s_per_request, misses.cpu_s_per_request
    if per_hit and per_miss:
        part["cpu_s_per_hit"], part["cpu_s_per_miss"] = per_hit, per_miss
    if misses.after.memory_bytes:
        part["memory_bytes"] = misses.after.memory_bytes
    return part


def _times(results: Results) -> TimesPart:
    histogram, mean_s = _latency(results), _mean_s(results)
    return {
        "mean": mean_s,
        "scv": variance_s2(histogram) / mean_s**2,
        "quantiles": {str(share): ms / MS_PER_S for share, ms in _quantiles_ms(histogram).items()},
    }


def _bytes_per_item(subject: Subject, misses: Phase) -> float | None:
    """Memory of a cached item: as given, else of what the gateway wrote.

    None where it wrote nothing.
    """
    if subject.bytes_per_item is not None:
        return subject.bytes_per_item
    before, after = misses.before.cache_bytes_written or 0.0, misses.after.cache_bytes_written
    stored = misses.results.throughput.texts_per_s * misses.results.elapsed_s
    if after is None or after <= before or not stored:
        return None
    return (after - before) / stored + BYTES_PER_KEY


def _cautions_on_calls(batch_seconds: Mapping[int, float]) -> list[str]:
    if 1 in batch_seconds:
        return []
    return [
        "Without --triton-url, a call's service time is a miss's latency less a hit's, overhead at the gateway included, and the "
        "seconds of batches are not known."
    ]


def _cautions_on_gateway(hits: Phase, misses: Phase) -> list[str]:
    said = []
    if not (hits.cpu_s_per_request and misses.cpu_s_per_request):
        said.append(
            "The gateway tells nothing of its CPU time, as with several workers: gateway.cpu_s_per_hit and cpu_s_per_miss are left out. "
            "Measure one with a single worker."
        )
    hit_rate = hits.results.hits.rate or 0.0
    if hit_rate < 1:
        said.append(f"Only {hit_rate:.1%} of the texts meant as hits came from the cache.")
    return said


def _cautions_on_cache(subject: Subject, misses: Phase) -> list[str]:
    if subject.bytes_per_item is not None:
        return []
    if _bytes_per_item(subject, misses) is None:
        return ["The gateway wrote nothing into a cache: cache.bytes_per_item is left out; --bytes-per-item gives it."]
    return [
        f"cache.bytes_per_item is what the gateway wrote per miss and {BYTES_PER_KEY} bytes that Valkey 9 takes for a key: "
        "--bytes-per-item gives your own used memory / keys."
    ]


def _latency(results: Results) -> Histogram:
    return results.latency.decode()


def _mean_s(results: Results) -> float:
    return (results.latency.summary_ms or {})["mean"] / MS_PER_S


def _quantiles_ms(histogram: Histogram) -> dict[float, float]:
    return dict(zip(SHARES, histogram.quantiles_ms(SHARES), strict=True))


def variance_s2(histogram: Histogram) -> float:
    """The variance in seconds squared, from evenly spaced quantiles.

    It is as precise as the histogram.
    """
    shares = [(index + 0.5) / 1000 for index in range(1000)]
    values = [ms / MS_PER_S for ms in histogram.quantiles_ms(shares)]
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)
