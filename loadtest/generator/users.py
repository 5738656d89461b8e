"""The Locust users. They send requests that a dialect wrote, and know no task.

A closed loop has a user for each request in flight, an open loop one that hands out the arrivals of
its worker.
"""

import gevent
from gevent.event import Event
from locust import User, constant, task

from loadtest.generator.load import Load
from loadtest.generator.open_loop import Dispatcher
from loadtest.results.outcome import NO_ANSWER
from loadtest.scenario.loop import ClosedLoop
from loadtest.scenario.scenario import Scenario

PAUSE_WITHOUT_ANSWER_S = 0.1
"""How long a user waits after a request that got no answer, so that a server that is down is not
called in a tight loop."""
UNTIL_STOPPED_S = 86_400.0
"""A user that has done all it should waits; Locust stops those that wait at once."""


class ClosedLoopUser(User):  # type: ignore[misc] # locust has no type information
    """Sends its next request as soon as it has its answer, without think time.

    All requests are one of Locust's tasks, which is always finished. Between tasks Locust may kill
    a user that has just begun to send, and nobody would count that request.
    """

    wait_time = constant(UNTIL_STOPPED_S)
    load: Load
    over: Event

    @task  # type: ignore[untyped-decorator] # locust has no type information
    def send(self) -> None:
        """Send requests of the workload until the load is over, and wait for the last answer."""
        load = self.load
        while not self.over.is_set() and (request := next(load.requests, None)) is not None:
            now_s = load.now_s()
            load.recording.offer(now_s)
            load.recording.start(now_s, now_s)
            answered = load.send(request, now_s, now_s).status != NO_ANSWER
            gevent.sleep(0 if answered else PAUSE_WITHOUT_ANSWER_S)


class OpenLoopUser(User):  # type: ignore[misc] # locust has no type information
    """Hands out the arrivals; a second one on the same worker has nothing to do."""

    wait_time = constant(UNTIL_STOPPED_S)
    load: Load
    dispatcher: Dispatcher

    @task  # type: ignore[untyped-decorator] # locust has no type information
    def dispatch(self) -> None:
        """Hand out all arrivals, and wait for the last answer."""
        self.dispatcher.run()


def user_class(scenario: Scenario) -> type[User]:
    """The class of the scenario's users, which a master counts and a worker runs."""
    return ClosedLoopUser if isinstance(scenario.loop, ClosedLoop) else OpenLoopUser


def user_count(scenario: Scenario) -> int:
    """How many users there are over all workers."""
    return scenario.loop.users if isinstance(scenario.loop, ClosedLoop) else scenario.workers
