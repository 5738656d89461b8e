"""Ending tasks that would go on for ever."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.05


async def end(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    """Cancel tasks until each has ended, with whatever result or exception.

    Cancelling once is not enough: `asyncio.wait_for` swallows a cancellation that comes as its own
    wait ends (Python 3.11, bpo-37658), and the Redis client sends its commands through it.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        ended, running = await asyncio.wait(running, timeout=AGAIN_S)
        for task in ended:
            if not task.cancelled():
                task.exception()  # marked as seen
