"""How the gateway speaks to Triton: TLS, and the headers of every call."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.security.tls import ClientTls


@dataclass(frozen=True, slots=True)
class TritonAccess:
    """How the gateway speaks to Triton: with `tls` (None: in the clear) and `headers`."""

    tls: ClientTls | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def context(self) -> ssl.SSLContext | None:
        """TLS as asyncio's connections take it; None: in the clear.

        Raises:
            StartError: a TLS file cannot be used.
        """
        return None if self.tls is None else self.tls.context()

    def header_lines(self) -> str:
        """The headers as lines of an HTTP request, each ended by CR LF."""
        return "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
