"""A worker: it takes its part of a scenario from a master, sends it, and reports what it saw."""

import tempfile
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust.env import Environment

from loadtest.generator import messages
from loadtest.generator.job import WorkerJob
from loadtest.generator.local import PROGRESS_INTERVAL_S
from loadtest.generator.messages import Part
from loadtest.generator.session import Session
from loadtest.workload.corpus import read_corpus

MASTER_CHECK_S = 1.0


class MasterGoneError(ConnectionError):
    """The master cannot be reached, or went away before the load was over."""


def work(job: WorkerJob) -> None:
    """Do one scenario for the master at the job's address.

    Raises:
        MasterGoneError: there is no master, or it went away.
    """
    environment = Environment()
    try:
        runner = environment.create_worker_runner(*job.address)
    except ConnectionError as exc:
        raise MasterGoneError(f"No master answers at {job.address.host}:{job.address.port}.") from exc
    given: AsyncResult[Part] = AsyncResult()
    runner.register_message(messages.SCENARIO, lambda msg, **_: given.set(Part(**msg.data)))
    runner.send_message(messages.HELLO)
    part = _await(given, runner)
    with tempfile.TemporaryDirectory(prefix="headrace-loadtest-") as folder:
        try:
            _send_load(environment, runner, part, Path(folder))
        except Exception as exc:
            runner.send_message(messages.FAILED, {"worker": part.worker, "reason": f"{type(exc).__name__}: {exc}"})
            raise
        finally:
            runner.greenlet.join()  # until the master says quit or is gone


def _send_load(environment: Environment, runner: Any, part: Part, folder: Path) -> None:
    scenario = messages.unpack_scenario(part, folder)
    session = Session(environment, scenario, read_corpus(scenario.workload.corpus), part.worker)
    runner.register_message(messages.END, lambda **_: session.over.set())
    runner.send_message(messages.PREPARED)
    progress = gevent.spawn(_report_progress, session, runner)
    result = session.finish(runner)
    progress.kill()
    runner.send_message(messages.RESULT, result.to_dict())


def _report_progress(session: Session, runner: Any) -> None:
    while True:
        gevent.sleep(PROGRESS_INTERVAL_S)
        runner.send_message(messages.PROGRESS, messages.pack_progress(session.load.worker, session.progress()))


def _await(given: "AsyncResult[Part]", runner: Any) -> Part:
    while not given.ready():
        if not len(runner.greenlet):
            raise MasterGoneError("The master went away before it gave a scenario.")
        given.wait(MASTER_CHECK_S)
    part: Part = given.get()
    return part
