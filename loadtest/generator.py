"""The load generator, a process of its own: Locust replaces Python's sockets and threads, which nothing else here should meet.

Reads a `Plan` as a line of JSON from standard input; writes lines of JSON with its progress to standard output, and the samples to the
file that its one argument names. SIGINT and SIGTERM end the measurement early; what was measured is kept.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import gevent
from locust.env import Environment

from loadtest.corpus import read_corpus
from loadtest.outcome import count_hits, describe_no_answer, read_outcome
from loadtest.plan import Plan
from loadtest.samples import NO_ANSWER, Sample, Samples
from loadtest.user import predict_user
from loadtest.workload import Request, requests

PROGRESS_INTERVAL_S = 0.25


class Recorder:
    """Listens to Locust's requests and keeps a sample of each."""

    def __init__(self) -> None:
        self.samples = Samples()
        self.failures = 0
        self.started_s = perf_counter()

    def record(self, *, response_time: float, response: Any, exception: Any, context: dict[str, Request], **_: Any) -> None:
        """Listener for `events.request`; `response_time` is in milliseconds, exact."""
        request = context["request"]
        texts = len(request.texts)
        if response is None or response.status_code == NO_ANSWER:
            outcome = describe_no_answer(exception)
        else:
            outcome = read_outcome(response.status_code, response.headers, response.content or b"", texts)
        hits = 0 if outcome.failed else count_hits(outcome.cache, texts, request.repeats)
        self.failures += outcome.failed
        self.samples.add(Sample(perf_counter() - self.started_s, response_time, request.repeats, hits, outcome))


def generate(plan: Plan, samples_file: Path) -> None:
    """Run the plan, reporting progress, and write the samples."""
    recorder = Recorder()
    environment = Environment(
        user_classes=[predict_user(plan, requests(plan, read_corpus(plan.corpus)))], host=plan.url, stop_timeout=plan.timeout_s
    )
    environment.events.request.add_listener(recorder.record)
    errors: list[BaseException] = []
    environment.events.user_error.add_listener(lambda exception, **_: errors.append(exception))
    runner = environment.create_local_runner()
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, runner.quit)
    environment.events.user_error.add_listener(lambda **_: gevent.spawn(runner.quit))

    recorder.started_s = perf_counter()
    cpu_started_s = _cpu_s()
    runner.start(plan.users, spawn_rate=plan.users)
    gevent.spawn(_quit_at, runner, recorder.started_s + plan.duration_s)
    progress = gevent.spawn(_report_progress, recorder, runner.quit)
    runner.greenlet.join()
    progress.kill()
    elapsed_s = perf_counter() - recorder.started_s
    _say(elapsed_s=elapsed_s, cpu_s=_cpu_s() - cpu_started_s, requests=len(recorder.samples), failures=recorder.failures)
    if samples_file.parent.exists():  # it is gone when whoever started this is
        with samples_file.open("wb") as file:
            recorder.samples.write(file)
    if errors:
        raise errors[0]


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _quit_at(runner: Any, end_s: float) -> None:
    # gevent counts from the last turn of its loop, which may be long past: ask the clock
    while (left_s := end_s - perf_counter()) > 0:
        gevent.sleep(left_s)
    runner.quit()


def _report_progress(recorder: Recorder, leave: Callable[[], None]) -> None:
    while True:
        gevent.sleep(PROGRESS_INTERVAL_S)
        if not _say(elapsed_s=perf_counter() - recorder.started_s, requests=len(recorder.samples), failures=recorder.failures):
            leave()
            return


def _say(**values: float) -> bool:
    """Write a line of progress; False where nobody reads it any more."""
    try:
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # what is still buffered must not fail again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


if __name__ == "__main__":
    generate(Plan.from_dict(json.loads(sys.stdin.readline())), Path(sys.argv[1]))
