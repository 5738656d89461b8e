"""The master of a load that is split over workers.

It gives each worker its part of the scenario, starts them together, and gathers what they saw.
"""

import signal
from collections.abc import Callable
from dataclasses import asdict
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment

from loadtest.generator import messages
from loadtest.generator.job import MasterJob
from loadtest.generator.local import PROGRESS_INTERVAL_S, WEB_UI_HOST, report_progress
from loadtest.generator.users import user_class, user_count
from loadtest.generator.worker_result import Encoded
from loadtest.results.progress import Progress
from loadtest.scenario.scenario import Scenario

POLL_S = 0.05
GONE_AFTER_S = 5.0
"""A worker that Locust reports as missing for longer than this is taken for lost."""
GRACE_S = 30.0
"""How long a worker may take to report, after the duration and the timeout of the last request."""


class Fleet:
    """The workers of one load, by Locust's client ids in the order in which they came."""

    def __init__(self, runner: Any, scenario: Scenario) -> None:
        self._runner = runner
        self._scenario = scenario
        self._ids: list[str] = []
        self._prepared: set[str] = set()
        self._progress: dict[str, Progress] = {}
        self._ended = Event()
        self.results: dict[str, Encoded] = {}
        self.failures: dict[str, str] = {}
        runner.register_message(messages.HELLO, lambda msg, **_: self._ids.append(msg.node_id))
        runner.register_message(messages.PREPARED, lambda msg, **_: self._prepared.add(msg.node_id))
        runner.register_message(messages.PROGRESS, self._hear_progress)
        runner.register_message(messages.RESULT, lambda msg, **_: self.results.update({msg.node_id: msg.data}))
        runner.register_message(messages.FAILED, lambda msg, **_: self.failures.update({msg.node_id: msg.data["reason"]}))

    def gather(self) -> bool:
        """Wait for as many workers as the scenario has, and prepare them.

        Returns False where the load was ended before, or a worker could not be prepared.
        """
        while len(self._ids) < self._scenario.workers:
            if self._ended.wait(POLL_S):
                return False
        for worker, client_id in enumerate(self._chosen):
            self._runner.send_message(messages.SCENARIO, asdict(messages.pack_scenario(self._scenario, worker)), client_id)
        while len(self._prepared | self.failures.keys()) < self._scenario.workers:
            if self._ended.wait(POLL_S):
                return False
        return not self.failures

    def follow(self) -> None:
        """Wait until each worker has reported what it saw, or is lost."""
        deadline = monotonic() + self._scenario.duration_s + self._scenario.timeout_s + GRACE_S
        last_seen = dict.fromkeys(self._chosen, monotonic())
        while monotonic() < deadline:
            missing = [client_id for client_id in self._chosen if client_id not in self.results and client_id not in self.failures]
            now = monotonic()
            last_seen.update({client_id: now for client_id in missing if self._is_there(client_id)})
            if all(now - last_seen[client_id] > GONE_AFTER_S for client_id in missing):
                return
            gevent.sleep(POLL_S)

    def end(self) -> None:
        """End the load early."""
        self._ended.set()
        self._runner.send_message(messages.END)

    def progress(self) -> Progress:
        """Where the load stands, over all workers."""
        each = list(self._progress.values())
        return Progress(
            elapsed_s=max((progress.elapsed_s for progress in each), default=0.0),
            requests=sum(progress.requests for progress in each),
            failures=sum(progress.failures for progress in each),
        )

    def _hear_progress(self, msg: Any, **_: Any) -> None:
        self._progress[msg.node_id] = messages.unpack_progress(msg.data)

    @property
    def _chosen(self) -> list[str]:
        return self._ids[: self._scenario.workers]

    def _is_there(self, client_id: str) -> bool:
        client = self._runner.clients.get(client_id)
        return client is not None and client.state != "missing"


def lead(job: MasterJob, say: Callable[..., bool]) -> None:
    """Run the scenario with workers that connect to the job's address.

    The port that it listens on is said first. SIGINT and SIGTERM end it early.

    Raises:
        RuntimeError: a worker could not do its part.
    """
    scenario = job.scenario
    environment = Environment(host=scenario.url, user_classes=[user_class(scenario)], stop_timeout=scenario.timeout_s + 1)
    runner = environment.create_master_runner(*job.address)
    fleet = Fleet(runner, scenario)
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, fleet.end)
    web_ui = None if job.web_ui_port is None else environment.create_web_ui(WEB_UI_HOST, job.web_ui_port)
    say(listening=runner.server.port)
    if fleet.gather():
        users = user_count(scenario)
        gevent.spawn(runner.start, users, spawn_rate=users)
        progress = gevent.spawn_later(PROGRESS_INTERVAL_S, report_progress, fleet.progress, say, fleet.end)
        fleet.follow()
        progress.kill()
    say(results=list(fleet.results.values()))
    if web_ui is not None:
        web_ui.stop()
    runner.quit()
    if fleet.failures:
        raise RuntimeError("; ".join(fleet.failures.values()))
