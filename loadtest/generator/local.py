"""A generator that is one process."""

import signal
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import gevent
from locust.env import Environment

from loadtest.generator.job import LocalJob
from loadtest.generator.session import Session
from loadtest.generator.users import user_count
from loadtest.results.progress import Progress
from loadtest.workload.corpus import read_corpus

PROGRESS_INTERVAL_S = 0.25
WEB_UI_HOST = "127.0.0.1"


def generate(job: LocalJob, say: Callable[..., bool]) -> None:
    """Run the scenario; say its progress, and at the end what it saw.

    SIGINT and SIGTERM end it early.
    """
    scenario = job.scenario
    environment = Environment(host=scenario.url)
    session = Session(environment, scenario, read_corpus(scenario.workload.corpus), worker=0)
    runner = environment.create_local_runner()
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, session.over.set)
    web_ui = None if job.web_ui_port is None else environment.create_web_ui(WEB_UI_HOST, job.web_ui_port)
    users = user_count(scenario)
    runner.start(users, spawn_rate=users)
    progress = gevent.spawn(report_progress, session.progress, say, session.over.set)
    result = session.finish(runner)
    progress.kill()
    say(results=[result.to_dict()])
    if web_ui is not None:
        web_ui.stop()
    runner.quit()


def report_progress(progress: Callable[[], Progress], say: Callable[..., bool], leave: Callable[[], Any]) -> None:
    """Say now and then where the load stands, and call `leave` once nobody listens any more."""
    while say(progress=asdict(progress())):
        gevent.sleep(PROGRESS_INTERVAL_S)
    leave()
