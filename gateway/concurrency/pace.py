"""How many requests a client inside the gateway sends at once.

It sends fewer after one was shed, and more while they are answered: additive increase,
multiplicative decrease (Chiu and Jain, 1989), like TCP's congestion avoidance.
"""

from asyncio import Future, get_running_loop
from collections import deque


class Pace:
    """Permits, granted in the order in which they were asked for.

    At most `limit` are held at once; the limit moves between 1 and `most`.
    """

    def __init__(self, most: int) -> None:
        self.limit = float(most)
        self.held = 0
        self._most = most
        self._waiting: deque[Future[None]] = deque()

    def __repr__(self) -> str:
        return f"<Pace {self.held} of {self.limit:.1f}, {len(self._waiting)} wait>"

    async def begin(self) -> None:
        """Wait for a permit; each is given back with `end`."""
        if self._waiting or self.held >= int(self.limit):
            permit = get_running_loop().create_future()
            self._waiting.append(permit)
            try:
                await permit
            except BaseException:
                if permit.done() and not permit.cancelled():
                    self.end()
                raise
        else:
            self.held += 1

    def end(self) -> None:
        """Give a permit back."""
        self.held -= 1
        self._wake()

    def answered(self) -> None:
        """Raise the limit, by one in as many answers as the limit is."""
        self.limit = min(self.limit + 1 / self.limit, self._most)
        self._wake()

    def shed(self) -> None:
        """Lower the limit to half of the permits that are held."""
        self.limit = max(self.held / 2, 1.0)

    def _wake(self) -> None:
        while self._waiting and self.held < int(self.limit):
            permit = self._waiting.popleft()
            if not permit.done():
                self.held += 1
                permit.set_result(None)
