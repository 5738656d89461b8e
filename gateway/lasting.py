"""Keeps tasks going that must never end."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()
AGAIN_S = 1.0
Watch = Callable[[], Awaitable[None]]


async def lasting(watch: Watch) -> None:
    """Run a watch until it has nothing to watch: one that fails unforeseen is begun again, else a gateway would go on without it unseen."""
    while True:
        try:
            return await watch()
        except Exception:  # whatever it is, it is in the log
            log.exception("a watch failed and is begun again", watch=repr(watch), again_s=AGAIN_S)
        await asyncio.sleep(AGAIN_S)
