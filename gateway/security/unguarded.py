"""Who may change what the gateway does while authentication is off. Pure."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gateway.errors import Forbidden

SAID: Final = "off: everyone who reaches this port may change experiments; HEADRACE_AUTH=keys changes that"
"""What those are told who may."""


class Unguarded(NamedTuple):
    """The rule for a gateway that listens at `host`; pages of `origins` may ask it."""

    host: str
    origins: Sequence[str] = ()

    def require(self, headers: Mapping[str, str]) -> None:
        """Refuse a change that may come from elsewhere than this machine's own people.

        A browser sends what a page of any site tells it to send, and says in `Origin` whose page it
        is. The names of `headers` are in lower case.

        Raises:
            Forbidden: other machines reach the gateway, or a page of another site asks.
        """
        if not _is_loopback(self.host):
            raise Forbidden(
                f"authentication is off, and the gateway listens on {self.host}, beyond this machine: "
                "set HEADRACE_AUTH=keys and give a key with the scope experiments"
            )
        origin = headers.get("origin")
        if origin is None or origin in self.origins or "*" in self.origins:
            return
        if urlsplit(origin).netloc != headers.get("host", ""):
            raise Forbidden(
                "a page of another site may change nothing while authentication is off; HEADRACE_CORS_ORIGINS names those that may"
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
