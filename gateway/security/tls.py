"""TLS and credentials toward the servers behind the gateway: files as they are named in the settings, read where they are used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import StartError


@dataclass(frozen=True, slots=True)
class ClientTls:
    """Whom to trust (None: the system's authorities) and, for servers that ask for it, who we are."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def redis_options(self, url: str | None) -> dict[str, Any]:
        """What redis-py's connections take, for a `rediss://` URL."""
        if url is None or not url.startswith("rediss://"):
            return {}
        files = {"ssl_ca_certs": self.ca_file, "ssl_certfile": self.cert_file, "ssl_keyfile": self.key_file}
        return {name: str(path) for name, path in files.items() if path is not None}

    def read(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """(authorities, key, certificate) in PEM, as gRPC takes them.

        Raises:
            StartError: names the file that cannot be read.
        """
        ca, key, cert = (_read(path) for path in (self.ca_file, self.key_file, self.cert_file))
        return ca, key, cert


@dataclass(frozen=True, slots=True)
class TritonAccess:
    """How Triton is spoken to: `tls` None: in the clear; `headers` go with every call."""

    tls: ClientTls | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def _read(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as exc:
        raise StartError(f"{path}: {exc.strerror}; the settings name it as a TLS file") from exc
