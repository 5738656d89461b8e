"""Experiments of state as this gateway knows them: read every second, kept while state is gone."""

import asyncio
from typing import Final

import structlog

from gateway.errors import StateUnavailable
from gateway.experiments.kept import KeptCopy
from gateway.experiments.record import Stored
from gateway.experiments.store import ExperimentStore

log = structlog.get_logger()
WATCH_INTERVAL_S: Final = 1.0


class StateExperiments:
    """What was read last; `current` is swapped whole, and requests read it without waiting.

    `fault` says why it may not be what state keeps now; None: it is. Without a `store` there is
    nothing.
    """

    def __init__(self, store: ExperimentStore | None, kept: KeptCopy) -> None:
        self._store, self._kept = store, kept
        self.current = Stored()
        self.fault: str | None = None
        # what was read before a change of our own must not take its place
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<StateExperiments at {self.current.revision}: {self.fault or 'in force'}>"

    async def start(self) -> None:
        """Read state; while it is gone, the copy on disk."""
        await self.refresh()
        if self.fault is None:
            return
        kept = await asyncio.to_thread(self._kept.read)
        if kept is None:
            self.fault = "state does not answer, and no copy of its experiments is kept on disk: none of them runs until it answers"
        else:
            self.current = kept
            self.fault = f"state does not answer: its experiments are those of the copy on disk, at revision {kept.revision}"
        log.error("started without state", reason=self.fault)

    async def watch(self) -> None:
        """Look for changes every second, for ever."""
        while self._store is not None:
            await asyncio.sleep(WATCH_INTERVAL_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Look for changes once; while state is gone, what was read last stays."""
        if self._store is None:
            return
        async with self._turn:
            try:
                if self.fault is not None or await self._store.revision() != self.current.revision:
                    await self._take(await self._store.read())
            except StateUnavailable:
                if self.fault is None:
                    self.fault = "state does not answer: its experiments are as they were read last"
                    log.warning("experiments of state not read, the last ones stay", revision=self.current.revision)
            else:
                self.fault = None

    async def changed(self, stored: Stored) -> None:
        """Put in force what this gateway has just changed, without waiting for the next look."""
        async with self._turn:
            if stored.revision > self.current.revision:
                await self._take(stored)

    async def _take(self, stored: Stored) -> None:
        if stored == self.current:
            return
        self.current = stored
        running = [record.key for record in stored.running()]
        log.info("experiments of state in force", revision=stored.revision, running=running, unreadable=list(stored.unreadable))
        await asyncio.to_thread(self._kept.write, stored)
