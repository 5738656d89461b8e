"""A load test from its start to its measurement.

The server is asked what it is and serves, its cache is warmed, and the generator runs and reports.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from loadtest.generator.job import Address, Job, LocalJob, MasterJob, WorkerJob, job_to_dict
from loadtest.generator.worker_result import Encoded, WorkerResult
from loadtest.results.measurement import Generators, Measurement
from loadtest.results.progress import OnProgress, Progress, ignore
from loadtest.results.recording import Recording
from loadtest.scenario.scenario import Scenario
from loadtest.target.child import stop
from loadtest.target.client import Client
from loadtest.target.detection import detect
from loadtest.target.other_server import send_once
from loadtest.target.readiness import versions_to_measure, warm_cache
from loadtest.workload.dialects import BY_NAME
from loadtest.workload.draws import pool, text_of
from loadtest.workload.server import DETECT, OTHER

STOP_GRACE_S = 5.0
LOOPBACK = "127.0.0.1"


class GeneratorError(RuntimeError):
    """The load generator ended without results; its own words stand above on standard error."""


def measure(
    scenario: Scenario,
    corpus: Sequence[str],
    on_progress: OnProgress = ignore,
    *,
    web_ui_port: int | None = None,
    listen: Address | None = None,
) -> Measurement:
    """Prepare the gateway for a scenario, and run it.

    Ctrl-C ends the measurement early; what was measured until then is returned.

    Args:
        scenario: what to do.
        corpus: the texts of `scenario.workload.corpus`.
        on_progress: called a few times a second.
        web_ui_port: where Locust's own page shows the run while it lasts; None: nowhere.
        listen: where workers from other machines will connect; None: the workers are started here.

    Raises:
        TargetError: the gateway does not serve what the scenario asks for.
        NoAnswerError: the gateway does not answer at the start.
        GeneratorError: the load generator failed.
        KeyboardInterrupt: ended by hand before anything was measured.
    """
    return measure_prepared(prepare(scenario, corpus), on_progress, web_ui_port=web_ui_port, listen=listen)


def measure_prepared(
    scenario: Scenario,
    on_progress: OnProgress = ignore,
    *,
    web_ui_port: int | None = None,
    listen: Address | None = None,
) -> Measurement:
    """Run a scenario that `prepare` gave; otherwise as `measure`.

    The gateway gets no requests except those that the measurement counts.
    """
    job: Job = LocalJob(scenario, web_ui_port)
    if listen is not None or scenario.workers > 1:
        job = MasterJob(scenario, listen or Address(LOOPBACK, 0), web_ui_port)
    with ExitStack() as workers:

        def start_workers(port: int) -> None:
            if listen is None:
                for _ in range(scenario.workers):
                    workers.enter_context(generator(WorkerJob(Address(LOOPBACK, port)), stdout=subprocess.DEVNULL))

        with generator(job) as process:
            results, interrupted = _follow(process, on_progress, start_workers)
    if interrupted and not results:
        raise KeyboardInterrupt
    if process.returncode != 0 or not results:
        raise GeneratorError(f"The load generator failed with exit status {process.returncode}.")
    return _measurement(scenario, [WorkerResult.from_dict(result) for result in results], interrupted)


def prepare(scenario: Scenario, corpus: Sequence[str]) -> Scenario:
    """Check that the server answers what the scenario asks for, and warm its cache.

    The cache is given the texts that repeats are drawn from. Gives the scenario with the server
    that it is for, Headrace or another one.
    """
    texts = [text_of(item, corpus, scenario.salt) for item in pool(scenario.workload, corpus, scenario.seed)]
    with Client(scenario.url, scenario.headers) as client:
        server = scenario.server
        if server == DETECT:
            server = detect(client, scenario.url, scenario.workload.targets[0].model)
        if server == OTHER:
            send_once(client, scenario.url, scenario.workload, texts or [f"{corpus[0]} {scenario.salt}first"])
        else:
            instances = list(map(BY_NAME[scenario.workload.dialect].instance, texts))
            for target in scenario.workload.targets:
                warm_cache(client, scenario.url, target.model, instances, versions_to_measure(client, scenario.url, target))
    return replace(scenario, server=server)


def _follow(process: subprocess.Popen[str], on_progress: OnProgress, on_listening: Callable[[int], None]) -> tuple[list[Encoded], bool]:
    interrupted = False
    results: list[Encoded] = []
    while process.stdout is not None:
        try:
            for line in process.stdout:
                said = json.loads(line)
                results = said.get("results", results)
                if "listening" in said:
                    on_listening(said["listening"])
                if "progress" in said:
                    on_progress(Progress(**said["progress"]))
            break
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            process.terminate()
    process.wait()
    return results, interrupted


def _measurement(scenario: Scenario, results: Sequence[WorkerResult], interrupted: bool) -> Measurement:
    total = Recording()
    in_order = sorted(results, key=lambda result: result.worker)
    for result in in_order:
        total.add(result.recording)
    generators = Generators(tuple(result.use for result in in_order), lost=scenario.workers - len(results))
    return Measurement(total, max(result.elapsed_s for result in results), generators, interrupted, scenario.server)


@contextmanager
def generator(job: Job, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """A generator process that was given its job; it is stopped at the end.

    It has a session of its own, so that Ctrl-C in a terminal reaches it only through this process.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtest.generator"], stdin=subprocess.PIPE, stdout=stdout, text=True, start_new_session=True
    )
    try:
        if process.stdin is not None:
            process.stdin.write(json.dumps(job_to_dict(job)) + "\n")
            process.stdin.close()
        yield process
    finally:
        stop(process, STOP_GRACE_S)
        if process.stdout is not None:
            process.stdout.close()
