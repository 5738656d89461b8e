"""One load in one process: Locust's users run it, and at the end it gives what it saw."""

import gc
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment

from loadtest.generator.alarm import Alarm
from loadtest.generator.load import Load
from loadtest.generator.open_loop import Dispatcher
from loadtest.generator.outcomes import Outcomes, OutcomesError
from loadtest.generator.use import use_so_far
from loadtest.generator.users import ClosedLoopUser, OpenLoopUser, user_class
from loadtest.generator.worker_result import WorkerResult
from loadtest.results.progress import Progress
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario

COMPACT_INTERVAL_S = 1.0
OUTCOMES_INTERVAL_S = 1.0


class Session:
    """Worker number `worker` of a scenario, in a Locust environment.

    The runner of the environment will start the users.
    """

    def __init__(self, environment: Environment, scenario: Scenario, corpus: Sequence[str], worker: int) -> None:
        self.load = Load(scenario, corpus, worker, perf_counter, environment.events.request.fire)
        self.errors: list[BaseException] = []
        self.over = Event()
        self._ended = Event()
        self._environment = environment
        self._scenario = scenario
        self._alarm = Alarm()
        self._dispatcher: Dispatcher | None = None
        if isinstance(scenario.loop, OpenLoop):
            self._dispatcher = Dispatcher(self.load, scenario.loop, self._alarm, self._fail)
            OpenLoopUser.dispatcher = self._dispatcher
        ClosedLoopUser.load = OpenLoopUser.load = self.load
        ClosedLoopUser.over = self.over
        environment.user_classes = [user_class(scenario)]
        environment.stop_timeout = scenario.timeout_s + 1
        environment.events.test_start.add_listener(self._begin)
        environment.events.test_stopping.add_listener(self._stop)
        environment.events.test_stop.add_listener(lambda **_: self._ended.set())
        environment.events.user_error.add_listener(lambda exception, **_: self._fail(exception))
        self._use = use_so_far()

    def finish(self, runner: Any) -> WorkerResult:
        """Wait until the load is over and the last response has come; what was seen.

        Raises:
            BaseException: the first that a user raised.
        OutcomesError: outcomes of units were not taken.
        """
        self.over.wait()
        elapsed_s = self.load.now_s()
        if runner.state not in {"cleanup", "stopped"}:
            runner.stop()
        self._ended.wait()
        if self._dispatcher is None or not self._dispatcher.done.is_set():
            elapsed_s = self.load.now_s()
        use = use_so_far()
        if self.load.outcomes is not None and not self.errors:
            self.load.outcomes.finish(gevent.sleep)
        self.load.close()
        self._alarm.close()
        if self.errors:
            raise self.errors[0]
        return WorkerResult(
            worker=self.load.worker,
            elapsed_s=elapsed_s,
            cpu_s=use.cpu_s - self._use.cpu_s,
            cpu_wait_s=use.waited_s - self._use.waited_s,
            recording=self.load.recording,
        )

    def progress(self) -> Progress:
        """Where the load stands."""
        recording = self.load.recording
        return Progress(self.load.now_s(), recording.requests, recording.failures)

    def _begin(self, **_: Any) -> None:
        # all objects that exist now will stay: the collector need not look at them again while
        # requests are timed
        gc.collect()
        gc.freeze()
        self.load.begin()
        self._use = use_so_far()
        gevent.spawn(self._watch)
        if self.load.outcomes is not None:
            gevent.spawn(self._post_outcomes, self.load.outcomes)

    def _watch(self) -> None:
        """End the load when it is over, and keep the recording small until then.

        A closed loop is over when its time is, an open loop when its dispatcher is done.
        """
        while not self.over.is_set():
            left_s = self._scenario.duration_s - self.load.now_s() if self._dispatcher is None else COMPACT_INTERVAL_S
            if left_s <= 0 or (self._dispatcher is not None and self._dispatcher.done.is_set()):
                self.over.set()
                return
            wait_s = min(left_s, COMPACT_INTERVAL_S)
            if self._dispatcher is None:
                gevent.sleep(wait_s)
            else:
                self._dispatcher.done.wait(wait_s)
            self.load.recording.compact(self.load.now_s())

    def _post_outcomes(self, outcomes: Outcomes) -> None:
        while not self.over.wait(OUTCOMES_INTERVAL_S):
            try:
                outcomes.post()
            except OutcomesError as exc:
                self._fail(exc)
                return

    def _stop(self, **_: Any) -> None:
        if self._dispatcher is not None:
            self._dispatcher.stop()
        self.over.set()

    def _fail(self, error: BaseException) -> None:
        self.errors.append(error)
        if self._dispatcher is not None:
            self._dispatcher.stop()
        self.over.set()
