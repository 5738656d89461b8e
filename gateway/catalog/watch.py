"""Keeps the catalog fresh.

While Triton is gone the last catalog stays, so that cached answers are still given.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from gateway.catalog.aliases import useless
from gateway.catalog.catalog import Catalog, Default
from gateway.errors import GatewayError, NotReady
from gateway.observability import metrics

log = structlog.get_logger()
READ_TIMEOUT_S = 2.0
PAUSE_S = 0.05
_UNDECIDED: Mapping[str, Default] = {}


class CatalogWatch:
    """The newest catalog that `read` returned; `read` gets its time limit in seconds.

    Its models are known by `aliases`, too. `defaults` gives the default versions that were decided
    in the gateway, by model; it gives the same object until they change. `fault` is why the last
    reading failed, None after one that succeeded.
    """

    def __init__(
        self,
        read: Callable[[float], Awaitable[Catalog]],
        refresh_s: float,
        aliases: Mapping[str, str] | None = None,
        defaults: Callable[[], Mapping[str, Default]] = lambda: _UNDECIDED,
    ) -> None:
        self._read, self._refresh_s, self._aliases, self._defaults = read, refresh_s, aliases or {}, defaults
        self._current: Catalog | None = None
        self._decided: tuple[Catalog, Mapping[str, Default], Catalog] | None = None
        self._reading = asyncio.Lock()
        self._begun, self._begun_at_s = 0, -math.inf
        self.fault: str | None = "not read yet"

    @property
    def current(self) -> Catalog:
        """The catalog.

        Raises:
            NotReady: Triton has not answered yet.
        """
        if self._current is None:
            raise NotReady("the model server has not answered yet; try again later")
        defaults = self._defaults()
        if self._decided is None or self._decided[0] is not self._current or self._decided[1] is not defaults:
            self._decided = self._current, defaults, self._current.deciding(defaults)
        return self._decided[2]

    @property
    def loaded(self) -> bool:
        """Whether there is a catalog."""
        return self._current is not None

    async def watch(self) -> None:
        """Read the catalog every `refresh_s` seconds, for ever."""
        while True:
            await self.read()
            await asyncio.sleep(self._refresh_s)

    async def read_anew(self) -> None:
        """Read the catalog now, where it is known to be outdated.

        All who ask before the reading begins share it. One begins `PAUSE_S` after the one before it
        at the earliest, so that a version that contradicts its own catalog costs little.
        """
        begun = self._begun
        async with self._reading:
            if self._begun > begun:
                return
            await asyncio.sleep(max(self._begun_at_s + PAUSE_S - asyncio.get_running_loop().time(), 0))
            await self._read_once()

    async def read(self) -> None:
        """Read the catalog once; changes are logged."""
        async with self._reading:
            await self._read_once()

    async def _read_once(self) -> None:
        self._begun += 1
        self._begun_at_s = asyncio.get_running_loop().time()
        try:
            catalog = replace(await self._read(READ_TIMEOUT_S), aliases=self._aliases)
        except GatewayError as exc:
            if self.fault != exc.message:
                log.warning("catalog not read, the last one stays", reason=repr(exc.__cause__ or exc))
            self.fault = exc.message
        else:
            if catalog != self._current or self.fault:
                log.info("catalog read", models={name: _states(catalog, name) for name in catalog.models})
                for version in catalog.refused():
                    log.error("version refused", model=version.manifest.model, version=version.manifest.version, reason=version.reason)
                for alias, reason in useless(catalog).items():
                    log.warning("alias not used", alias=alias, reason=reason)
            self._current, self.fault = catalog, None
            metrics.VERSIONS_REFUSED.set(sum(1 for _ in catalog.refused()))
        metrics.TRITON_UP.set(self.fault is None)


def _states(catalog: Catalog, name: str) -> dict[str, str]:
    return {str(number): "ready" if version.ready else version.reason for number, version in catalog.models[name].versions.items()}
