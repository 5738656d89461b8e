"""What goes on beside the requests for as long as the gateway runs: reading files, the catalog, keys and key sets again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

log = structlog.get_logger()
AGAIN_S = 1.0
Watch = Callable[[], Awaitable[None]]
"""Goes on for ever; a new call begins anew."""


def start(watches: Iterable[Watch], *, again_s: float = AGAIN_S) -> list[asyncio.Task[None]]:
    """A task for each watch, all of which go on for ever; one that fails is logged and begun anew after `again_s` seconds.

    A watch that ended silently would leave what it reads as it was: revoked keys valid, a catalog of models that are gone.
    """
    return [asyncio.create_task(_keep_up(watch, again_s)) for watch in watches]


async def _keep_up(watch: Watch, again_s: float) -> None:
    while True:
        try:
            return await watch()
        except Exception:
            log.exception("a watch failed and is begun anew", watch=getattr(watch, "__qualname__", repr(watch)), again_s=again_s)
        await asyncio.sleep(again_s)
