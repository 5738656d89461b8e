"""A load test from start to samples: ask the gateway, warm its cache, let the generator run, read what it saw."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from loadtest.child import stop
from loadtest.client import Client
from loadtest.plan import Plan
from loadtest.samples import Samples
from loadtest.target import versions_to_measure, warm_cache
from loadtest.workload import warm_pool

STOP_GRACE_S = 5.0


class GeneratorError(RuntimeError):
    """The load generator ended without results; its own words stand above on standard error."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running load test stands."""

    elapsed_s: float
    requests: int
    failures: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a load test saw. `generator_cpu_share` is the share of one core that the generator used; `interrupted`: ended by the user."""

    samples: Samples
    elapsed_s: float
    generator_cpu_share: float
    interrupted: bool


def measure(plan: Plan, corpus: Sequence[str], on_progress: Callable[[Progress], None]) -> Measurement:
    """Run a plan against its gateway.

    Ctrl-C ends the measurement early; what was measured until then is returned.

    Raises:
        TargetError: the gateway does not serve what the plan asks for.
        NoAnswerError: the gateway does not answer at the start.
        GeneratorError: the load generator failed.
    """
    with Client(plan.url, plan.headers) as client:
        versions = versions_to_measure(client, plan)
        warm_cache(client, plan, warm_pool(plan, corpus), versions)
    with tempfile.TemporaryDirectory(prefix="headrace-loadtest-") as folder:
        samples_file = Path(folder) / "samples"
        with _generator(plan, samples_file) as process:
            last, interrupted = _follow(process, on_progress)
        if process.returncode != 0 or not samples_file.exists():
            raise GeneratorError(f"The load generator failed with exit status {process.returncode}.")
        return Measurement(Samples.read(samples_file), last["elapsed_s"], last["cpu_s"] / last["elapsed_s"], interrupted)


def _follow(process: subprocess.Popen[str], on_progress: Callable[[Progress], None]) -> tuple[dict[str, float], bool]:
    interrupted = False
    last: dict[str, float] = {}
    lines: IO[str] | None = process.stdout
    while lines is not None:
        try:
            for line in lines:
                last = json.loads(line)
                on_progress(Progress(last["elapsed_s"], int(last["requests"]), int(last["failures"])))
            break
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            process.terminate()
    process.wait()
    return last, interrupted


@contextmanager
def _generator(plan: Plan, samples_file: Path) -> Iterator[subprocess.Popen[str]]:
    # a session of its own, so that Ctrl-C in a terminal reaches it through us only
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtest.generator", str(samples_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        if process.stdin is not None:
            process.stdin.write(json.dumps(plan.to_dict()) + "\n")
            process.stdin.close()
        yield process
    finally:
        stop(process, STOP_GRACE_S)
        if process.stdout is not None:
            process.stdout.close()
