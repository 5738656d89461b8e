"""What a load test says in a sentence, and what a reader must know before trusting it. Pure."""

from loadtest.results.figures import milliseconds
from loadtest.results.results import Results

BUSY_GENERATOR = 0.9
BEHIND_SHARE = 0.01
CONTENDED_CPU = 0.1
HIT_RATE_TOLERANCE = 0.03


def verdict(results: Results) -> str:
    """The outcome in one sentence, or two where the generator could not keep up."""
    if results.latency_ms is None:
        return f"Not one of {results.requests:,} requests was answered well."
    failed = "none failed" if results.failures == 0 else f"{results.failures:,} of {results.requests:,} failed"
    dropped = f", {results.dropped:,} were dropped" if results.dropped else ""
    price = "" if results.usd_per_million is None else f" A million texts cost {results.usd_per_million:,.3g} USD."
    behind = "" if keeps_up(results) else "The generator could not keep up, so this is not what the system can do: "
    return (
        f"{behind}{results.throughput_rps:,.0f} requests/s {_load(results)}; "
        f"half within {milliseconds(results.latency_ms['p50'])}, 99% within {milliseconds(results.latency_ms['p99'])}; "
        f"{failed}{dropped}.{price}"
    )


def keeps_up(results: Results) -> bool:
    """Whether the generator sent in time what it should.

    It always did in a closed loop, which has no times at which requests should be sent.
    """
    if results.loop == "closed" or not results.offered_rps:
        return True
    share_behind = results.behind / max(results.behind + results.requests, 1)
    return share_behind <= BEHIND_SHARE and not (results.dropped and results.generator_cpu_share > BUSY_GENERATOR)


def cautions(results: Results) -> list[str]:
    """What speaks against the figures, a sentence each; empty where nothing does."""
    said = []
    if results.failures:
        share = results.failures / results.requests
        said.append(f"{results.failures:,} requests ({share:.1%}) failed; throughput and latency are of the others.")
    if results.dropped:
        limit = results.offered["loop"]["max_late_s"]
        said.append(
            f"{results.dropped:,} requests were dropped: they could not start within {limit:g} s of their time. Latency is of the others."
        )
    if results.late:
        most = results.offered["loop"]["max_in_flight"]
        said.append(f"{results.late:,} requests started late, since {most:,} were in flight; their latency counts from their time.")
    if results.interrupted:
        said.append(f"The run was ended by hand after {results.elapsed_s:.1f} s of {results.offered['duration_s']:g} s.")
    if results.lost_workers:
        said.append(
            f"{results.lost_workers} of {results.offered['workers']} workers ended without telling what they saw: the figures lack it."
        )
    said += _of_the_generator(results)
    hits, repeats = results.cache_hit_rate, results.answered_repeats
    if hits is not None and repeats is not None and abs(hits - repeats) > HIT_RATE_TOLERANCE:
        said.append(
            f"{repeats:.1%} of the texts answered were repeats, but {hits:.1%} came from the cache: "
            + _why_not_as_sent(results, fewer=hits < repeats)
        )
    return said


def _of_the_generator(results: Results) -> list[str]:
    said = []
    if not keeps_up(results):
        said.append(
            f"The load generator started {results.behind:,} requests more than 10 ms late by its own fault: give it more --workers, "
            "more cores, or a lower rate."
        )
    if results.generator_cpu_share > BUSY_GENERATOR:
        said.append(f"The load generator used {results.generator_cpu_share:.0%} of a core: it may be the bottleneck, not the gateway.")
    waited = max((use.cpu_wait_share for use in results.generators), default=0.0)
    if waited > CONTENDED_CPU:
        said.append(
            f"The load generator waited {waited:.0%} of the time for a core that others used: latency as it was seen contains that."
        )
    return said


def _why_not_as_sent(results: Results, *, fewer: bool) -> str:
    if not fewer:
        return "it had already seen texts that should be unique (a salt used before?)."
    if results.offered["workload"]["zipf"] is not None and len(results.variants) > 1:
        return "each version has entries of its own, so a text repeats for the cache only once its version was asked for it."
    return "the cache is off, too small, or slow to store."


def _load(results: Results) -> str:
    if results.loop == "closed":
        return f"with {results.offered['loop']['users']} users"
    process = results.offered["loop"]["arrivals"]["process"]
    return f"of {results.offered_rps:,.0f} offered in an open loop ({process} arrivals)"
