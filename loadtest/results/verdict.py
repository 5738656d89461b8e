"""What a load test says in a sentence, and what a reader must know before trusting it. Pure."""

from loadtest.results.figures import milliseconds, plural
from loadtest.results.results import BUSY_GENERATOR, Results
from loadtest.scenario.loop import ClosedLoop, OpenLoop
from loadtest.workload.server import NOT_HEADRACE

CONTENDED_CPU = 0.1
HIT_RATE_TOLERANCE = 0.03


def verdict(results: Results) -> str:
    """The outcome in one sentence, or two where the generator could not keep up."""
    requests, latency_ms, price_usd = results.requests, results.latency.summary_ms, results.costs.usd_per_million
    if latency_ms is None:
        return f"Not one of {plural(requests.ended, 'request')} was answered well."
    failed = "none failed" if requests.failed == 0 else f"{requests.failed:,} of {requests.ended:,} failed"
    dropped = f", {plural(requests.dropped, 'was', 'were')} dropped" if requests.dropped else ""
    price = "" if price_usd is None else f" A million texts cost {price_usd:,.3g} USD."
    behind = "" if results.kept_up else "The generator could not keep up, so this is not what the system can do: "
    return (
        f"{behind}{results.throughput.answered_rps:,.0f} requests/s {_load(results)}; "
        f"half within {milliseconds(latency_ms['p50'])}, 99% within {milliseconds(latency_ms['p99'])}; "
        f"{failed}{dropped}.{price}"
    )


def server_said(results: Results) -> str:
    """What is not known of a server that is not Headrace; empty for Headrace."""
    return "" if results.is_headrace else NOT_HEADRACE


def sent_texts(results: Results) -> str:
    """Which texts were sent, and which of them the cache may know."""
    workload = results.scenario.workload
    if not results.is_headrace:
        share = "" if workload.zipf or workload.trace else f" ({workload.repeat:.0%}, --repeat {workload.repeat:g})"
        return f"{results.hits.repeats_sent:.1%} repeat texts that were sent before{share}; whether the server has a cache is not known"
    if workload.zipf is not None:
        return f"drawn by Zipf's law from {plural(workload.zipf.texts, 'text')} (--zipf), with a cold cache at the beginning"
    if workload.trace is not None:
        return "as many repeat as were hits in the trace, of texts that the cache was given before; the others are new"
    if workload.repeat == 0:
        return "all new to the cache (--repeat 0)"
    return f"{workload.repeat:.0%} repeat texts that the cache was given before (--repeat {workload.repeat:g}), the others are new to it"


def cautions(results: Results) -> list[str]:
    """What speaks against the figures, a sentence each; empty where nothing does."""
    requests, loop = results.requests, results.scenario.loop
    said = []
    if requests.failed:
        share = requests.failed / requests.ended
        said.append(f"{plural(requests.failed, 'request')} ({share:.1%}) failed; throughput and latency are of the others.")
    if isinstance(loop, OpenLoop):
        said += _of_starts(results, loop)
    if requests.reconnected:
        said.append(
            f"{plural(requests.reconnected, 'request')} went over a new connection, since the server had closed the idle one "
            "before a byte was sent. No request was sent twice."
        )
    if results.interrupted:
        said.append(f"The run was ended by hand after {results.elapsed_s:.1f} s of {results.scenario.duration_s:g} s.")
    if results.generators.lost:
        said.append(
            f"{results.generators.lost} of {plural(results.scenario.workers, 'worker')} ended without a report: "
            "the figures lack what was seen there."
        )
    said += _of_the_machine(results)
    said += _of_the_generator(results)
    hits, repeats = results.hits.rate, results.hits.repeats_answered
    if hits is not None and repeats is not None and abs(hits - repeats) > HIT_RATE_TOLERANCE:
        said.append(
            f"{repeats:.1%} of the texts answered were repeats, but {hits:.1%} came from the cache: "
            + _why_not_as_sent(results, fewer=hits < repeats)
        )
    return said


def _of_starts(results: Results, loop: OpenLoop) -> list[str]:
    dropped, late = results.requests.dropped, results.lateness.late
    said = []
    if dropped:
        said.append(
            f"{plural(dropped, 'request was', 'requests were')} dropped, not having started within {loop.max_late_s:g} s of the "
            "intended start. Latency is of the others."
        )
    if late:
        said.append(
            f"{plural(late, 'request')} started late, since {loop.max_in_flight:,} were in flight; latency counts from the intended start."
        )
    return said


def _of_the_machine(results: Results) -> list[str]:
    seen = results.contention
    if seen is None:
        return []
    if seen.disturbs:
        return [
            f"While the load ran, {seen}: latency and throughput may be worse than the system's own. "
            + " ".join(filter(None, ("Run it again when the machine is quiet.", seen.named)))
        ]
    if seen.shared and seen.others_share is None:
        return [
            "The gateway's processes on this machine cannot be seen, so that what other work took while the load ran is not known: "
            + (seen.named or "--watch-pid names them.")
        ]
    return []


def _of_the_generator(results: Results) -> list[str]:
    said = []
    if not results.kept_up:
        said.append(
            f"The load generator started {plural(results.lateness.behind, 'request')} more than 10 ms late by its own fault: "
            "give it more --workers, more cores, or a lower rate."
        )
    if results.generators.cpu_share > BUSY_GENERATOR:
        said.append(f"The load generator used {results.generators.cpu_share:.0%} of a core: it may be the bottleneck, not the gateway.")
    waited = results.generators.cpu_wait_share
    if waited > CONTENDED_CPU:
        said.append(
            f"The load generator waited {waited:.0%} of the time for a core that others used: latency as it was seen contains that."
        )
    return said


def _why_not_as_sent(results: Results, *, fewer: bool) -> str:
    if not fewer:
        return "it had already seen texts that should be unique (a salt used before?)."
    if results.scenario.workload.zipf is not None and len(results.answers_by_version) > 1:
        return "each version has entries of its own, so a text repeats for the cache only once its version was asked for it."
    return "the cache is off, too small, or slow to store."


def _load(results: Results) -> str:
    loop = results.scenario.loop
    if isinstance(loop, ClosedLoop):
        return f"with {plural(loop.users, 'user')}"
    return f"of {results.throughput.offered_rps:,.0f} offered in an open loop ({loop.arrivals.process} arrivals)"
