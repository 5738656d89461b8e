"""How much a client inside the gateway asks at once: less after it was shed, more while it is answered.

Additive increase, multiplicative decrease (Chiu and Jain, 1989), as TCP's congestion avoidance.
"""

from asyncio import Future, get_running_loop
from collections import deque


class Pace:
    """Turns, given in the order in which they were asked for; `limit` of them at once, at least 1 and at most `most`."""

    def __init__(self, most: int) -> None:
        self.limit = float(most)
        self.taken = 0
        self._most = most
        self._waiting: deque[Future[None]] = deque()

    def __repr__(self) -> str:
        return f"<Pace {self.taken} of {self.limit:.1f}, {len(self._waiting)} wait>"

    async def begin(self) -> None:
        """Wait for a turn; each is given back with `end`."""
        if self._waiting or self.taken >= int(self.limit):
            turn = get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except BaseException:
                if turn.done() and not turn.cancelled():
                    self.end()
                raise
        else:
            self.taken += 1

    def end(self) -> None:
        """Give a turn back."""
        self.taken -= 1
        self._wake()

    def answered(self) -> None:
        """There is room: one more after as many answers as the limit is."""
        self.limit = min(self.limit + 1 / self.limit, self._most)
        self._wake()

    def shed(self) -> None:
        """There is none: half of what was asked at once was too much."""
        self.limit = max(self.taken / 2, 1.0)

    def _wake(self) -> None:
        while self._waiting and self.taken < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(None)
