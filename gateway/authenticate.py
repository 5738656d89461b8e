"""API key → tenant. Keys are kept as sha256 digests only."""

import hashlib
from collections.abc import Mapping

from gateway.errors import Unauthenticated


class Authenticator:
    """Knows the tenants by the sha256 (hex) of their keys; without any key configured everyone is let in."""

    def __init__(self, tenants: Mapping[str, str]) -> None:
        self._tenants = tenants

    def tenant(self, authorization: str | None) -> str:
        """The tenant of an `Authorization` header, "" where no keys are configured.

        Raises:
            Unauthenticated: no bearer token, or one that is not known.
        """
        if not self._tenants:
            return ""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("give an API key in the header Authorization: Bearer <key>")
        tenant = self._tenants.get(hashlib.sha256(token.strip().encode()).hexdigest())
        if tenant is None:
            raise Unauthenticated("this API key is not known")
        return tenant
