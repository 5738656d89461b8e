"""What a load test says in a sentence, and what a reader must know before trusting it. Pure."""

from loadtest.results import Results

BUSY_GENERATOR = 0.9
HIT_RATE_TOLERANCE = 0.03


def verdict(results: Results) -> str:
    """The outcome in one sentence."""
    if results.latency_ms is None:
        return f"Not one of {results.requests:,} requests was answered well."
    failed = "none failed" if results.failures == 0 else f"{results.failures:,} of {results.requests:,} failed"
    price = "" if results.usd_per_million is None else f" A million texts cost {results.usd_per_million:,.3g} USD."
    return (
        f"{results.throughput_rps:,.0f} requests/s with {results.offered['users']} users; "
        f"half within {milliseconds(results.latency_ms['p50'])}, 99% within {milliseconds(results.latency_ms['p99'])}; {failed}.{price}"
    )


def cautions(results: Results) -> list[str]:
    """What speaks against the figures, a sentence each; empty where nothing does."""
    said = []
    if results.failures:
        share = results.failures / results.requests
        said.append(f"{results.failures:,} requests ({share:.1%}) failed; throughput and latency are of the others.")
    if results.interrupted:
        said.append(f"The run was ended by hand after {results.elapsed_s:.1f} s of {results.offered['duration_s']:g} s.")
    if results.generator_cpu_share > BUSY_GENERATOR:
        said.append(f"The load generator used {results.generator_cpu_share:.0%} of a core: it may be the bottleneck, not the gateway.")
    if results.cache_hit_rate is not None and abs(results.cache_hit_rate - results.sent_repeats) > HIT_RATE_TOLERANCE:
        said.append(
            f"{results.sent_repeats:.1%} of the texts were repeats, but {results.cache_hit_rate:.1%} came from the cache: "
            + (
                "the cache is off, too small, or slow to store."
                if results.cache_hit_rate < results.sent_repeats
                else "it had already seen texts that should be unique (a salt used before?)."
            )
        )
    return said


def milliseconds(value: float) -> str:
    """Milliseconds with three significant digits at most: `0.84 ms`, `12.3 ms`, `1,240 ms`."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} ms"
