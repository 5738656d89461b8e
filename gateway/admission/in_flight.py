"""How much may be in flight to the model server, and how much of it may be batch work.

Pure: the clock is passed in.
"""

from math import inf

from gateway.admission.aimd import AimdLimit, Outcome
from gateway.request.priority import Priority

QUIET_AFTER_S = 10.0
"""So long after the last interactive work batch work may take all places."""


class InFlight:
    """The calls in flight and their texts.

    `calls` and `texts` count them. At most as many texts are in flight as `limit` says. Batch work
    may hold the share `batch_share` of calls and texts, one call at least; while there has been no
    interactive work for `QUIET_AFTER_S` it may hold all.
    """

    def __init__(self, limit: AimdLimit, batch_share: float) -> None:
        self.limit, self._batch_share = limit, batch_share
        self._calls = dict.fromkeys(Priority, 0)
        self._texts = dict.fromkeys(Priority, 0)
        self._interactive_s = -inf
        self.calls = self.texts = 0

    def __repr__(self) -> str:
        return f"<InFlight {self.calls} calls, {self.texts} texts, {self.limit!r}>"

    def room(self, priority: Priority, now_s: float, max_calls: int) -> int:
        """How many texts of this priority the next call may have; 0: none may begin now.

        At most `max_calls` calls run at once.
        """
        if self.calls >= max_calls:
            return 0
        if not self.calls:
            return max(1, int(self.limit.value))
        texts = int(self.limit.value) - self.texts
        if priority is Priority.BATCH and not self.is_quiet(now_s):
            if self._calls[priority] >= max(1, int(self._batch_share * max_calls)):
                return 0
            texts = min(texts, max(1, int(self._batch_share * self.limit.value)) - self._texts[priority])
        return max(0, texts)

    def is_quiet(self, now_s: float) -> bool:
        """Whether there has been no interactive work for a while."""
        return now_s - self._interactive_s >= QUIET_AFTER_S

    def asked(self, priority: Priority, now_s: float) -> None:
        """Work of this priority has come."""
        if priority is Priority.INTERACTIVE:
            self._interactive_s = now_s

    def began(self, priority: Priority, texts: int) -> None:
        """A call begins."""
        self._calls[priority] += 1
        self._texts[priority] += texts
        self.calls += 1
        self.texts += texts

    def ended(self, priority: Priority, texts: int, outcome: Outcome, began_s: float, now_s: float) -> None:
        """A call ends that began at `began_s`."""
        self.asked(priority, now_s)
        if priority is Priority.BATCH and outcome is Outcome.SUCCESS and now_s - began_s > self.limit.target_s:
            # the model server keeps batch work waiting while it answers interactive work: its
            # latency is no sign of overload
            outcome = Outcome.IGNORED
        self.limit.sample(outcome, texts, began_s, now_s, self.texts)
        self._calls[priority] -= 1
        self._texts[priority] -= texts
        self.calls -= 1
        self.texts -= texts
