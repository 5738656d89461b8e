"""The generator's own ceiling.

It is the highest rate that one process on one core sends in time, to a server that costs next to
nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loadtest.arrivals.process import Poisson
from loadtest.generator.measure import measure
from loadtest.generator.scripted_process import scripted_server
from loadtest.results.measurement import Measurement
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.workload.corpus import read_corpus
from loadtest.workload.workload import Target, Workload

FIRST_RPS = 2000.0
GROWTH = 1.3
BISECTIONS = 2
IN_TIME_SHARE = 0.99
"""The share of the requests that must start within 10 ms of their intended start."""
MAX_LATE_S = 0.5
TEXTS = tuple(f"text {number} of some sixty characters, as short news headlines are" for number in range(100))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rate, and whether the generator was in time.

    Lateness is from the intended start to the real one.
    """

    offered_rps: float
    answered_rps: float
    in_time: bool
    cpu_share: float
    lateness_p50_ms: float
    lateness_p99_ms: float


def attempts(duration_s: float, folder: Path) -> Iterator[Attempt]:
    """Try rising rates until the generator is not in time, then rates between the last two.

    A corpus is written to `folder`.
    """
    corpus = folder / "texts.txt"
    corpus.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    with scripted_server() as url:

        def attempt(rate_rps: float) -> Attempt:
            return _judge(measure(_scenario(url, corpus, rate_rps, duration_s), read_corpus(corpus)), duration_s)

        yield from search(attempt)


def search(attempt: Callable[[float], Attempt]) -> Iterator[Attempt]:
    """Try rates that grow until one is too high, then halve the gap between the last two."""
    low_rps, high_rps = 0.0, FIRST_RPS
    while True:
        made = attempt(high_rps)
        yield made
        if not made.in_time:
            break
        low_rps, high_rps = high_rps, high_rps * GROWTH
    for _ in range(BISECTIONS):
        middle_rps = (low_rps + high_rps) / 2
        made = attempt(middle_rps)
        yield made
        low_rps, high_rps = (middle_rps, high_rps) if made.in_time else (low_rps, middle_rps)


def _scenario(url: str, corpus: Path, rate_rps: float, duration_s: float) -> Scenario:
    workload = Workload(corpus=corpus, targets=(Target("topics"),), repeat=0.0)
    loop = OpenLoop(Poisson(rate_rps), max_late_s=MAX_LATE_S)
    return Scenario(url=url, loop=loop, workload=workload, duration_s=duration_s)


def _judge(measured: Measurement, duration_s: float) -> Attempt:
    seen = measured.recording
    in_time = seen.started - seen.behind - seen.late
    return Attempt(
        offered_rps=seen.offered / duration_s,
        answered_rps=seen.answered / measured.elapsed_s,
        in_time=in_time >= IN_TIME_SHARE * seen.offered and seen.failures == 0,
        cpu_share=measured.generators.cpu_share,
        lateness_p50_ms=seen.lateness.quantile_ms(0.5),
        lateness_p99_ms=seen.lateness.quantile_ms(0.99),
    )
