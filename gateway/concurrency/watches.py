"""Tasks that run beside the requests for as long as the gateway runs.

They reread files, the catalog, keys and key sets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

log = structlog.get_logger()
AGAIN_S = 1.0
Watch = Callable[[], Awaitable[None]]
"""Runs for ever; calling it again starts it anew."""


def start(watches: Iterable[Watch], *, again_s: float = AGAIN_S) -> list[asyncio.Task[None]]:
    """Start a task for each watch.

    A watch that fails is logged and started anew after `again_s` seconds. One that ended
    silently would leave what it reads as it was: revoked keys would stay valid, and the catalog
    would keep models that are gone.
    """
    return [asyncio.create_task(_keep_up(watch, again_s)) for watch in watches]


async def _keep_up(watch: Watch, again_s: float) -> None:
    while True:
        try:
            return await watch()
        except Exception:
            log.exception("a watch failed and is begun anew", watch=getattr(watch, "__qualname__", repr(watch)), again_s=again_s)
        await asyncio.sleep(again_s)
