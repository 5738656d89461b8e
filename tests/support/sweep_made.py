"""Sweeps that are made of given runs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loadtest.arrivals.process import Poisson
from loadtest.observation.triton_statistics import Batches, Statistics
from loadtest.planning.sweep.configuration import configurations
from loadtest.planning.sweep.description import describe
from loadtest.planning.sweep.document import Prices, parse_document
from loadtest.planning.sweep.findings.pricing import read_offers
from loadtest.planning.sweep.findings.summary import Definition, KeptResults, SweepSummary, summarize_sweep
from loadtest.planning.sweep.jobs import Job, jobs
from loadtest.planning.sweep.point import FIXED, Kind, Point, Seen, point_of
from loadtest.planning.sweep.profile_result import ProfileResult
from loadtest.planning.sweep.run import RUN_SCHEMA, Measured, Run
from loadtest.planning.sweep.stack.packaged import Facts, PackagedModel
from loadtest.results.measurement import Generators, GeneratorUse, Measurement
from loadtest.results.observed import Observed, ProcessPoint, ProcessUse, TritonPoint, TritonUse
from loadtest.results.outcome import Outcome
from loadtest.results.provenance import Provenance
from loadtest.results.recording import Recording
from loadtest.results.results import Results
from loadtest.results.summary import Circumstances, summarize
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.slo import parse_slo
from loadtest.workload.workload import Target, Workload

DURATION_S = 10.0
MACHINE: dict[str, Any] = {"cpu": "c", "cores": 2, "memory_gib": 4.0, "system": "s", "python": "3"}
TRITON = TritonUse("http://t", [], [TritonPoint(1.0, 9.0, 6.0, 1.5, 0)], [])
STUB = ProcessUse("stub", "triton", 1, [ProcessPoint(1.0, 0.5, 100), ProcessPoint(2.0, 0.7, 120)])
SERVER = ProcessUse("tritonserver", "triton", 2, [ProcessPoint(1.0, 0.25, 50), ProcessPoint(2.0, 0.25, 50)])
CPU_S = {"gateway": 0.001, "triton": 0.01, "cache": 0.0}
SEEN = Seen(
    Statistics(calls=42, texts=42, executions=32, queue_s=0.084, batches={1: Batches(30, 0.3), 12: Batches(10, 0.6)}),
    CPU_S,
    Observed([STUB, SERVER], [TRITON]),
)
WITHIN_50, WITHIN_100 = parse_slo("p95<50ms,errors<1%"), parse_slo("p95<100ms,errors<1%")
PRICES = Prices(instances=["aws/c7i.large", "gcp/c3-standard-4"])
PACKAGED = PackagedModel(
    Path("models/topics"),
    'name: "topics" max_batch_size: 64 dynamic_batching {} parameters { key: "manifest.2" value { string_value: "{}" } }',
    {2: Facts(2, precision="fp32", digest="d", sizes={"fp32_bytes": 4, "packaged_bytes": 4})},
)


def results(rate_rps: float, latency_s: float, *, failed: int = 0, answered: float = 1.0, behind: int = 0) -> Results:
    """A run of 10 s with `failed` failures.

    The share `answered` of the offered requests ended, each after `latency_s`.
    """
    recording = Recording()
    offered = round(rate_rps * DURATION_S)
    for number in range(offered):
        start_s = number / rate_rps
        recording.offer(start_s)
        recording.start(start_s, start_s, behind=number < behind)
        if number < offered * answered - failed:
            recording.end(start_s, start_s, start_s + latency_s, 1, 0, Outcome(200, "topics", "2", "", "miss"))
        elif number < offered * answered:
            recording.end(start_s, start_s, start_s + latency_s, 1, 0, Outcome(503, "topics", fault="gone"))
    workload = Workload(corpus=Path("c"), targets=(Target("topics"),), repeat=0)
    scenario = Scenario(url="http://127.0.0.1:1", loop=OpenLoop(Poisson(rate_rps)), workload=workload, duration_s=DURATION_S)
    measured = Measurement(recording, DURATION_S, Generators((GeneratorUse(0, 0.1, 0.0, offered),)))
    return summarize(scenario, measured, Circumstances(Provenance("python -m loadtest sweep", "now", MACHINE)))


def point(rate_rps: float, latency_s: float, kind: Kind = FIXED, **run: Any) -> Point:
    """The point of a run, after a round trip through JSON."""
    kept = json.dumps(point_of(rate_rps, kind, results(rate_rps, latency_s, **run), SEEN).to_dict())
    return Point.from_dict(json.loads(kept))


TWO: dict[str, Any] = {"grid": {"instances": [1, 2]}}
QUICK, SLOW = [point(20, 0.02), point(40, 0.03)], [point(20, 0.03), point(40, 0.2)]


def measured(points: Sequence[Point], load_average: float = 0.0) -> Measured:
    """What a stack leaves on which these points were measured."""
    return Measured(
        started_at="now",
        elapsed_s=9.0,
        machine=MACHINE | {"load_average_1m": load_average},
        versions={"triton": "2"},
        memory_bytes={"gateway": 1, "triton": 2, "cache": 3},
        points=tuple(points),
        search=None,
    )


def swept(
    runs: Mapping[str, Sequence[Point] | str],
    slo: str = "p95<50ms,errors<1%",
    priced: bool = True,
    interrupted: bool = False,
    schema: str = RUN_SCHEMA,
    profiles: Mapping[str, ProfileResult] | None = None,
    **fields: Any,
) -> SweepSummary:
    """The summary of a sweep.

    `runs` holds the points of each configuration by name, or the message with which it failed.
    """
    values = {"model": "topics", "repository": "r", "corpus": "c", "slo": "p95<50ms", "loads": {"rates_rps": [20, 40]}} | fields
    document = parse_document(values, "s.yaml")
    todo = jobs(document, configurations(document), PACKAGED, "c")
    there: dict[str, Run] = {}
    for job in todo:
        run = runs.get(job.configuration.name)
        if run is not None:
            there[job.key] = _run(job, run, schema, load_average=len(there))
    definition = Definition(document, todo, PACKAGED, read_offers(PRICES if priced else None), "python -m loadtest sweep")
    return summarize_sweep(definition, KeptResults(there, profiles or {}), parse_slo(slo), interrupted=interrupted)


def _run(job: Job, outcome: Sequence[Point] | str, schema: str, load_average: float) -> Run:
    known = describe(job.configuration, "topics", PACKAGED)
    if isinstance(outcome, str):
        return Run(job.key, job.repetition, known, None, outcome, schema)
    return Run(job.key, job.repetition, known, measured(outcome, load_average), schema=schema)
