"""The permits for texts that may be held for one version.

A request that gets no permits is shed at once.
"""

from collections.abc import Callable

from gateway.admission.aimd import AimdLimit, Outcome
from gateway.admission.retry_after import retry_after_s
from gateway.errors import Overloaded
from gateway.request.priority import Priority

MARGIN = 1.25
"""The expected wait times this must fit into the time that is left.

An answer that is expected exactly at the deadline is late every second time.
"""


class Limiter:
    """Hands out the permits of a limit.

    Batch work may hold only the share `batch_share` of them, so it is shed first. While no permit
    is held nothing is refused, so that a request of any size can be answered when it is alone.
    `uniform` draws from [0, 1).
    """

    def __init__(self, limit: AimdLimit, batch_share: float, uniform: Callable[[], float]) -> None:
        self.limit = limit
        self._batch_share = batch_share
        self._uniform = uniform
        self._held = dict.fromkeys(Priority, 0)

    def __repr__(self) -> str:
        return f"<Limiter {self.held} held, {self.limit!r}>"

    @property
    def held(self) -> int:
        """How many permits are held."""
        return sum(self._held.values())

    def ahead_of(self, priority: Priority) -> int:
        """How many texts are answered before a new one of this priority."""
        return sum(held for level, held in self._held.items() if level <= priority)

    def admit(self, permits: int, priority: Priority, left_s: float, wait_s: Callable[[int], float | None]) -> None:
        """Take permits for texts that must be answered within `left_s` seconds.

        `wait_s(n)` is how long n texts take, None where that is not known.

        Raises:
            Overloaded: too few permits are free, or the answer would come too late; none is taken.
        """
        if permits and (held := self.held):
            limit = self.limit.value * (self._batch_share if priority is Priority.BATCH else 1)
            if held + permits > limit:
                raise self._overloaded(f"{held} texts wait for this version already, at most {limit:.0f} may", wait_s(held))
            expected_s = wait_s(self.ahead_of(priority) + permits)
            if expected_s is not None and MARGIN * expected_s > left_s:
                sentence = (
                    f"{held} texts wait for this version already, too many for an answer in the {max(left_s, 0) * 1e3:.0f} ms allowed"
                )
                raise self._overloaded(sentence, MARGIN * expected_s - left_s)
        self._held[priority] += permits

    def release(self, priority: Priority, outcome: Outcome, admitted_s: float, now_s: float) -> None:
        """Give one permit back."""
        if priority is Priority.BATCH and outcome is Outcome.SUCCESS and now_s - admitted_s > self.limit.target_s:
            # batch work waits while interactive work is answered: its latency is no sign of
            # overload
            outcome = Outcome.IGNORED
        self.limit.sample(outcome, admitted_s, now_s, self.held)
        self._held[priority] -= 1

    def _overloaded(self, sentence: str, wait_s: float | None) -> Overloaded:
        return Overloaded(f"{sentence}; try again later", retry_after_s(wait_s, self._uniform()))
