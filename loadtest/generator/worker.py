"""A worker: takes its part of a scenario from a master, sends it, and tells the master what it saw."""

import tempfile
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust.env import Environment

from loadtest.generator import messages
from loadtest.generator.local import PROGRESS_INTERVAL_S
from loadtest.generator.session import Session
from loadtest.workload.corpus import read_corpus

MASTER_CHECK_S = 1.0


class MasterGoneError(ConnectionError):
    """The master cannot be reached, or went away before the load was over."""


def work(master_host: str, master_port: int) -> None:
    """Do one scenario for the master at this address.

    Raises:
        MasterGoneError: there is no master, or it went away.
    """
    environment = Environment()
    try:
        runner = environment.create_worker_runner(master_host, master_port)
    except ConnectionError as exc:
        raise MasterGoneError(f"No master answers at {master_host}:{master_port}.") from exc
    given: AsyncResult[dict[str, Any]] = AsyncResult()
    runner.register_message(messages.SCENARIO, lambda msg, **_: given.set(msg.data))
    runner.send_message(messages.HELLO)
    data = _await(given, runner)
    with tempfile.TemporaryDirectory(prefix="headrace-loadtest-") as folder:
        try:
            _send_load(environment, runner, data, Path(folder))
        except Exception as exc:
            runner.send_message(messages.FAILED, {"worker": data["worker"], "reason": f"{type(exc).__name__}: {exc}"})
            raise
        finally:
            runner.greenlet.join()  # until the master says quit, or is gone


def _send_load(environment: Environment, runner: Any, data: dict[str, Any], folder: Path) -> None:
    scenario, worker = messages.unpack_scenario(data, folder)
    session = Session(environment, scenario, read_corpus(scenario.workload.corpus), worker)
    runner.register_message(messages.END, lambda **_: session.over.set())
    runner.send_message(messages.PREPARED)
    progress = gevent.spawn(_report_progress, session, runner)
    result = session.finish(runner)
    progress.kill()
    runner.send_message(messages.RESULT, result)


def _report_progress(session: Session, runner: Any) -> None:
    while True:
        gevent.sleep(PROGRESS_INTERVAL_S)
        runner.send_message(messages.PROGRESS, {"worker": session.load.worker, **session.progress()})


def _await(given: "AsyncResult[dict[str, Any]]", runner: Any) -> dict[str, Any]:
    while not given.ready():
        if not len(runner.greenlet):
            raise MasterGoneError("The master went away before it gave a scenario.")
        given.wait(MASTER_CHECK_S)
    data: dict[str, Any] = given.get()
    return data
