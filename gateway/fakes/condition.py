"""A condition that coroutines wait for and that any thread may bring about."""

import asyncio
import threading
from collections.abc import Callable


class Condition:
    """As `asyncio.Condition`, without its lock, for several threads and event loops.

    A test may run in one thread and the server that it tests in another, as with Starlette's
    `TestClient`; `asyncio`'s own primitives belong to one loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[asyncio.Future[None]] = set()

    async def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Wait until `predicate()` is true; it is evaluated now and after each `notify_all`."""
        while True:
            future = asyncio.get_running_loop().create_future()
            # under the lock, so that no notification falls between the evaluation and the waiting
            with self._lock:
                if predicate():
                    return
                self._waiting.add(future)
            try:
                await future
            finally:
                with self._lock:
                    self._waiting.discard(future)

    def notify_all(self) -> None:
        """Say that what predicates depend on has changed."""
        with self._lock:
            for future in self._waiting:
                future.get_loop().call_soon_threadsafe(_wake, future)


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
