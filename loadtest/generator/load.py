"""The part of a scenario that one generator process sends and records."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from loadtest.generator.connections import Connections
from loadtest.generator.judge import judge
from loadtest.generator.outcomes import Outcomes
from loadtest.generator.wire import WireRequest, wire_requests
from loadtest.results.outcome import Outcome, describe_no_answer
from loadtest.results.recording import Recording
from loadtest.scenario.scenario import Scenario
from loadtest.workload import dialects
from loadtest.workload.server import OTHER

MS_PER_S = 1e3


class Load:
    """The part of `scenario` that worker number `worker` sends.

    Times are seconds on `clock`, whose value at `begin` becomes 0. `fire` is Locust's event for a
    request that ended.
    """

    def __init__(
        self, scenario: Scenario, corpus: Sequence[str], worker: int, clock: Callable[[], float], fire: Callable[..., Any]
    ) -> None:
        self.scenario = scenario
        self.worker = worker
        self.recording = Recording()
        self.requests: Iterator[WireRequest] = wire_requests(scenario, corpus, worker, scenario.workers)
        effect = scenario.workload.effect
        self.outcomes = None if effect is None else Outcomes(effect, scenario.url, scenario.headers)
        self._dialect = dialects.BY_NAME[scenario.workload.dialect]
        self._connections = Connections(scenario.url, scenario.timeout_s)
        self._clock = clock
        self._began = clock()
        self._fire = fire
        self._is_headrace = scenario.server != OTHER
        self._name = scenario.workload.dialect

    def begin(self) -> None:
        """The load begins now."""
        self._began = self._clock()

    def now_s(self) -> float:
        """Seconds since the load began."""
        return self._clock() - self._began

    def send(self, request: WireRequest, intended_s: float, started_s: float) -> Outcome:
        """Send a request and record what became of it."""
        exception: Exception | None = None
        length = 0
        try:
            response = self._connections.send(request.payload)
            ended_s = self.now_s()
            length = len(response.content)
            outcome = judge(self._dialect, request, response, is_headrace=self._is_headrace)
            if self.outcomes is not None:
                self.outcomes.answered(request.unit, response.headers)
        except OSError as exc:
            ended_s = self.now_s()
            exception = exc
            outcome = describe_no_answer(exc, request.model)
        self.recording.end(intended_s, started_s, ended_s, request.texts, request.repeats, outcome)
        if outcome.fault and exception is None:
            exception = FailedRequestError(outcome.fault)
        self._fire(
            request_type="POST",
            name=self._name,
            response_time=(ended_s - intended_s) * MS_PER_S,
            response_length=length,
            exception=exception,
            context={},
        )
        return outcome

    def close(self) -> None:
        """Close the idle connections; nothing is sent any more."""
        self.recording.reconnects = self._connections.reconnects
        self._connections.close()


class FailedRequestError(RuntimeError):
    """What Locust is given for a request that got a response, but not a good one."""
