"""The Locust users. They send requests that a dialect wrote, and know no task.

A closed loop has a user for each request in flight, an open loop one that hands out the arrivals of
its worker.
"""

import gevent
from locust import User, constant, task
from locust.exception import StopUser

from loadtest.generator.load import Load
from loadtest.generator.open_loop import Dispatcher
from loadtest.results.outcome import NO_ANSWER
from loadtest.scenario.loop import ClosedLoop
from loadtest.scenario.scenario import Scenario

PAUSE_WITHOUT_ANSWER_S = 0.1
"""How long a user waits after a request that got no answer, so that a server that is down is not
called in a tight loop."""


class ClosedLoopUser(User):  # type: ignore[misc] # locust has no type information
    """Sends its next request as soon as it has its answer, without think time."""

    wait_time = constant(0)
    load: Load

    @task  # type: ignore[untyped-decorator] # locust has no type information
    def send(self) -> None:
        """Send the next request of the workload."""
        request = next(self.load.requests, None)
        if request is None:
            raise StopUser
        now_s = self.load.now_s()
        self.load.recording.offer(now_s)
        self.load.recording.start(now_s, now_s)
        if self.load.send(request, now_s, now_s).status == NO_ANSWER:
            gevent.sleep(PAUSE_WITHOUT_ANSWER_S)


class OpenLoopUser(User):  # type: ignore[misc] # locust has no type information
    """Hands out the arrivals; a second one on the same worker has nothing to do."""

    wait_time = constant(0)
    load: Load
    dispatcher: Dispatcher

    @task  # type: ignore[untyped-decorator] # locust has no type information
    def dispatch(self) -> None:
        """Hand out all arrivals, and wait for the last answer."""
        self.dispatcher.run()
        raise StopUser


def user_class(scenario: Scenario) -> type[User]:
    """The class of the scenario's users, which a master counts and a worker runs."""
    return ClosedLoopUser if isinstance(scenario.loop, ClosedLoop) else OpenLoopUser


def user_count(scenario: Scenario) -> int:
    """How many users there are over all workers."""
    return scenario.loop.users if isinstance(scenario.loop, ClosedLoop) else scenario.workers
