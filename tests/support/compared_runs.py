"""Runs for comparisons, simulated to be equal or to differ by a known factor."""

from pathlib import Path
from random import Random
from typing import Any

from loadtest.arrivals.process import Poisson
from loadtest.results.measurement import Generators, GeneratorUse, Measurement
from loadtest.results.outcome import Outcome
from loadtest.results.provenance import Provenance
from loadtest.results.recording import Recording
from loadtest.results.results import Results
from loadtest.results.summary import Circumstances, summarize
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.workload.workload import Target, Workload

SECONDS = 20


def simulated(seed: int, *, own_seed: int, factor: float = 1.0, fail_share: float = 0.0, rate_rps: float = 60, **scenario: Any) -> Results:
    """A run whose seconds resemble the ones before.

    `seed` gives the arrivals and the load's part of latency, `own_seed` the system's part.
    """
    shared, own = Random(seed), Random(10_000 + own_seed)
    recording = Recording()
    mood = 0.0
    for start_s in Poisson(rate_rps).starts(seed, SECONDS):
        mood = 0.97 * mood + 0.1 * own.gauss(0, 1)
        latency_s = 0.02 * factor * shared.lognormvariate(0, 0.5) * own.lognormvariate(0, 0.2) * 2.718 ** (0.3 * mood)
        failed = own.random() < fail_share
        recording.offer(start_s)
        recording.start(start_s, start_s)
        outcome = Outcome(500 if failed else 200, "topics", "1", cache="miss", fault="broken" if failed else "")
        recording.end(start_s, start_s, start_s + latency_s, 1, 0, outcome)
    workload = Workload(corpus=Path("texts.jsonl"), targets=(Target("topics"),), repeat=0.0)
    asked = Scenario(url="http://h:1", loop=OpenLoop(Poisson(rate_rps)), workload=workload, duration_s=SECONDS, seed=seed, **scenario)
    measured = Measurement(recording, float(SECONDS), Generators((GeneratorUse(0, 0.1, 0.0, recording.requests),)))
    return summarize(asked, measured, Circumstances(Provenance("run", "2026-11-21T00:00:00+00:00", {"cpu": "x"}), usd_per_hour=0.36))
