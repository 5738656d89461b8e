"""How Triton is spoken to: TLS, and the headers that go with every call."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.security.tls import ClientTls


@dataclass(frozen=True, slots=True)
class TritonAccess:
    """How Triton is spoken to: `tls` None: in the clear; `headers` go with every call."""

    tls: ClientTls | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def context(self) -> ssl.SSLContext | None:
        """What asyncio's connections take.

        Raises:
            StartError: a TLS file cannot be used.
        """
        return None if self.tls is None else self.tls.context()

    def header_lines(self) -> str:
        """The headers as they stand in an HTTP request."""
        return "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
