"""A circuit breaker for one endpoint. Pure: the clock is passed in."""

from enum import Enum

FAILURES_TO_OPEN = 3
REST_S, LONGEST_REST_S = 0.5, 5.0


class State(Enum):
    """Closed: all calls pass. Open: none. Half open, after an answered probe: one at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Opens after `FAILURES_TO_OPEN` failures in a row, of calls or probes, and rests.

    Each rest is twice as long as the one before. After the rest an answered probe half-opens the
    breaker, so that no caller waits for an endpoint that is gone; the next call closes it or opens
    it again.
    """

    def __init__(self) -> None:
        self.state = State.CLOSED
        self._failures = 0
        self._rest_s = REST_S
        self._until_s = 0.0
        self._trying = False

    def __repr__(self) -> str:
        return f"<Breaker {self.state.value}>"

    @property
    def lets_through(self) -> bool:
        """Whether a call may begin."""
        return self.state is State.CLOSED or (self.state is State.HALF_OPEN and not self._trying)

    def began(self) -> None:
        """A call begins."""
        self._trying = self.state is State.HALF_OPEN

    def answered(self) -> None:
        """A call was answered, with a result or an error."""
        self.state, self._failures, self._rest_s, self._trying = State.CLOSED, 0, REST_S, False

    def silent(self, now_s: float) -> None:
        """A call was not answered in its time.

        That time may have been short, so this opens the breaker only if the call was a trial.
        """
        if self.state is State.HALF_OPEN:
            self._open(now_s)

    def withdrawn(self) -> None:
        """A call was given up: it decides nothing, and another call may try."""
        self._trying = False

    def failed(self, now_s: float) -> None:
        """A call or a probe did not reach the endpoint."""
        self._failures += 1
        if self.state is State.HALF_OPEN or (self.state is State.CLOSED and self._failures >= FAILURES_TO_OPEN):
            self._open(now_s)

    def probed(self, now_s: float) -> None:
        """A probe was answered."""
        if self.state is State.CLOSED:
            self._failures = 0
        elif self.state is State.OPEN and now_s >= self._until_s:
            self.state = State.HALF_OPEN

    def reopens_in_s(self, now_s: float) -> float:
        """How long the breaker still rests."""
        return max(0.0, self._until_s - now_s) if self.state is State.OPEN else 0.0

    def _open(self, now_s: float) -> None:
        self.state, self._trying = State.OPEN, False
        self._until_s = now_s + self._rest_s
        self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
