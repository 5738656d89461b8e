"""A load test from start to measurement: ask the gateway, warm its cache, let the generator run, take what it saw."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from loadtest.results import encoding
from loadtest.results.measurement import Generators, GeneratorUse, Measurement
from loadtest.results.progress import OnProgress, Progress, ignore
from loadtest.results.recording import Recording
from loadtest.scenario.scenario import Scenario
from loadtest.target.child import stop
from loadtest.target.client import Client
from loadtest.target.readiness import versions_to_measure, warm_cache
from loadtest.workload.draws import pool, text_of

STOP_GRACE_S = 5.0
LOOPBACK = "127.0.0.1"


class GeneratorError(RuntimeError):
    """The load generator ended without results; its own words stand above on standard error."""


class Address(NamedTuple):
    """Where a master listens."""

    host: str
    port: int


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
    prepare(scenario, corpus)
    return measure_prepared(scenario, on_progress, web_ui_port=web_ui_port, listen=listen)


def measure_prepared(
    scenario: Scenario,
    on_progress: OnProgress = ignore,
    *,
    web_ui_port: int | None = None,
    listen: Address | None = None,
) -> Measurement:
    """As `measure`, of a scenario that the gateway was prepared for: nothing is asked but what the measurement counts."""
    job: dict[str, Any] = {"role": "local", "scenario": scenario.to_dict(), "web_ui_port": web_ui_port}
    with ExitStack() as workers:

        def start_workers(port: int) -> None:
            if listen is None:
                for _ in range(scenario.workers):
                    workers.enter_context(generator({"role": "worker", "host": LOOPBACK, "port": port}, stdout=subprocess.DEVNULL))

        if listen is not None or scenario.workers > 1:
            host, port = listen or Address(LOOPBACK, 0)
            job |= {"role": "master", "host": host, "port": port}
        with generator(job) as process:
            results, interrupted = _follow(process, on_progress, start_workers)
    if interrupted and not results:
        raise KeyboardInterrupt
    if process.returncode != 0 or not results:
        raise GeneratorError(f"The load generator failed with exit status {process.returncode}.")
    return _measurement(scenario, results, interrupted)


def prepare(scenario: Scenario, corpus: Sequence[str]) -> None:
    """See that the gateway serves what will be asked for, and give its cache the texts that repeats are drawn from."""
    texts = [text_of(item, corpus, scenario.salt) for item in pool(scenario.workload, corpus, scenario.seed)]
    with Client(scenario.url, scenario.headers) as client:
        for target in scenario.workload.targets:
            warm_cache(client, scenario.url, target.model, texts, versions_to_measure(client, scenario.url, target))


def _follow(
    process: subprocess.Popen[str], on_progress: OnProgress, on_listening: Callable[[int], None]
) -> tuple[list[dict[str, Any]], bool]:
    interrupted = False
    results: list[dict[str, Any]] = []
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


def _measurement(scenario: Scenario, results: list[dict[str, Any]], interrupted: bool) -> Measurement:
    total = Recording()
    uses = []
    for result in sorted(results, key=lambda result: result["worker"]):
        recording = encoding.from_dict(result["recording"])
        total.add(recording)
        elapsed_s = result["elapsed_s"]
        uses.append(GeneratorUse(result["worker"], result["cpu_s"] / elapsed_s, result["cpu_wait_s"] / elapsed_s, recording.requests))
    elapsed_s = max(result["elapsed_s"] for result in results)
    return Measurement(total, elapsed_s, Generators(tuple(uses), lost=scenario.workers - len(results)), interrupted)


@contextmanager
def generator(job: dict[str, Any], stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """A generator process that was given its job; it is stopped in the end.

    It has a session of its own, so that Ctrl-C in a terminal reaches it through us only.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtest.generator"], stdin=subprocess.PIPE, stdout=stdout, text=True, start_new_session=True
    )
    try:
        if process.stdin is not None:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.close()
        yield process
    finally:
        stop(process, STOP_GRACE_S)
        if process.stdout is not None:
            process.stdout.close()
