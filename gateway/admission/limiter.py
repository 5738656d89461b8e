"""Admission: permits for texts that may be held for one version; without a permit a request is shed at once."""

from collections.abc import Callable

from gateway.admission.aimd import AimdLimit, Outcome
from gateway.admission.retry_after import retry_after_s
from gateway.errors import Overloaded
from gateway.request.priority import Priority

MARGIN = 1.25
"""Times the expected wait must fit into what is left: an answer expected at the very deadline is late every second time."""


class Limiter:
    """Hands out the permits of a limit; batch work may hold only the share `batch_share` of them, so it is shed first.

    An idle limiter refuses nothing: a request of any size can be answered while nobody else is. `uniform` draws from [0, 1).
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
        """The permits that are out."""
        return sum(self._held.values())

    def ahead_of(self, priority: Priority) -> int:
        """How many texts are served before a new one of this priority."""
        return sum(held for level, held in self._held.items() if level <= priority)

    def admit(self, permits: int, priority: Priority, left_s: float, wait_s: Callable[[int], float | None]) -> None:
        """Take permits for texts that must be answered within `left_s`; `wait_s` tells how long so many texts ahead take.

        Raises:
            Overloaded: fewer are free, or the answer would come too late; none is taken.
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
            outcome = Outcome.IGNORED  # batch work waits while others are served: its latency is no sign of too much
        self.limit.sample(outcome, admitted_s, now_s, self.held)
        self._held[priority] -= 1

    def _overloaded(self, sentence: str, wait_s: float | None) -> Overloaded:
        return Overloaded(f"{sentence}; try again later", retry_after_s(wait_s, self._uniform()))
