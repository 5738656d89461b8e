"""Where the Tritons are: a list of addresses, and names that are looked up again and again."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger()
DNS = "dns:///"
LOOKUP_TIMEOUT_S = 2.0
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, as host:port.

    Raises:
        OSError: the name has no address, or DNS does not answer.
    """
    async with asyncio.timeout(LOOKUP_TIMEOUT_S):
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [f"[{address[0]}]:{port}" if family == socket.AF_INET6 else f"{address[0]}:{port}" for family, _, _, _, address in found]


@dataclass
class Discovery:
    """The addresses behind `urls`.

    A URL is `host:port`, or `dns:///host:port` for all addresses of that name (a headless Service).
    """

    urls: Sequence[str]
    lookup: Lookup = look_up
    _known: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, urls: str) -> "Discovery":
        """From a list separated by commas."""
        return cls([url.strip() for url in urls.split(",")])

    async def addresses(self) -> list[str]:
        """All addresses now, each once, sorted.

        While a name cannot be looked up, its last addresses stay.
        """
        found = await asyncio.gather(*map(self._of, self.urls))
        return sorted({address for addresses in found for address in addresses})

    def name_of(self, address: str) -> str:
        """The name that an address was found by, else its own host: the server's name in TLS."""
        found_by = (url for url, addresses in self._known.items() if address in addresses)
        return _host_and_port(next(found_by, address))[0]

    async def _of(self, url: str) -> list[str]:
        if not url.startswith(DNS):
            return [url]
        host, port = _host_and_port(url)
        try:
            self._known[url] = list(await self.lookup(host, port))
        except OSError as exc:  # TimeoutError is one
            log.warning("name not looked up, its last addresses stay", name=host, reason=repr(exc), addresses=self._known.get(url, []))
        return self._known.get(url, [])


def _host_and_port(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix(DNS).rpartition(":")
    return host.strip("[]"), int(port)
