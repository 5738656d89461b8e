"""TLS and credentials toward the servers behind the gateway.

The settings name the files; they are read where they are used.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import StartError


@dataclass(frozen=True, slots=True)
class ClientTls:
    """Which authorities to trust (None: the system's), and who we are for servers that ask."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def redis_options(self, url: str | None) -> dict[str, Any]:
        """Options of redis-py for a `rediss://` URL; none for any other."""
        if url is None or not url.startswith("rediss://"):
            return {}
        files = {"ssl_ca_certs": self.ca_file, "ssl_certfile": self.cert_file, "ssl_keyfile": self.key_file}
        return {name: str(path) for name, path in files.items() if path is not None}

    def context(self) -> ssl.SSLContext:
        """The context for connections that asyncio makes.

        Raises:
            StartError: a file cannot be read, or does not hold what it should.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except OSError as exc:  # an SSLError is one
            files = ", ".join(str(path) for path in (self.ca_file, self.cert_file, self.key_file) if path is not None)
            raise StartError(f"{files}: {exc.strerror or exc}; the settings name these as TLS files") from exc
        return context
