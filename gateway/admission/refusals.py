"""Why work is shed, as the client is told, and when it should come again."""

from collections.abc import Callable

from gateway.admission.observer import Observer
from gateway.admission.retry_after import retry_after_s
from gateway.errors import Overloaded
from gateway.request.priority import Priority


class Refusals:
    """Makes the errors of shed items, and tells the observer of each.

    In all of them `held` texts wait or are in flight; times are in seconds, None where not known.
    """

    def __init__(self, observer: Observer, uniform: Callable[[], float]) -> None:
        self._observer, self._uniform = observer, uniform

    def too_late(self, priority: Priority, items: int, held: int, left_s: float, expected_s: float) -> Overloaded:
        """An answer is expected after `expected_s`, and `left_s` are left."""
        allowed_ms = max(left_s, 0) * 1e3
        sentence = f"{held} texts wait for this version already, too many for an answer in the {allowed_ms:.0f} ms allowed"
        return self._overloaded(priority, items, sentence, expected_s - left_s)

    def full(self, priority: Priority, items: int, held: int, wait_s: float | None) -> Overloaded:
        """No more may wait, and nobody holds more than this client would."""
        return self._overloaded(priority, items, f"{held} texts wait for this version, and no more may", wait_s)

    def for_others(self, priority: Priority, items: int, held: int, wait_s: float | None) -> Overloaded:
        """Items that waited give their room to others, since this client holds most."""
        sentence = f"{held} texts wait for this version, most of them of this client, and others need the room"
        return self._overloaded(priority, items, sentence, wait_s)

    def _overloaded(self, priority: Priority, items: int, sentence: str, wait_s: float | None) -> Overloaded:
        self._observer.shed(priority, items)
        return Overloaded(f"{sentence}; try again later", retry_after_s(wait_s, self._uniform()))
