"""A browser's login: the caller's key, sealed in a cookie that ends after an hour.

Each request of a page is let in by the key in its cookie, as it would be by an `Authorization`
header, so a key that is revoked ends its logins, too. Only the gateways can open the seal (Fernet:
AES-128-CBC and HMAC-SHA256); its secret lies in state, and each gateway reads it once.
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from gateway.state.state import State

COOKIE: Final = "headrace_session"
LIFE_S: Final = 3600
NAME: Final = "{headrace:sessions}"
_FIELD: Final = "secret"


class Sessions:
    """Seals and opens keys.

    Without `state` the secret is made of the `fixed` keys' digests, which every worker knows.
    """

    def __init__(self, state: State | None, fixed: Iterable[str] = ()) -> None:
        self._state = state
        self._fernet: Fernet | None = None
        if state is None:
            digest = hashlib.sha256("\n".join(["headrace sessions", *sorted(fixed)]).encode()).digest()
            self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def __repr__(self) -> str:
        return f"<Sessions of {'fixed keys' if self._state is None else 'state'}>"

    async def seal(self, key: str) -> str:
        """The value of a cookie for a key.

        Raises:
            StateUnavailable: the secret cannot be read.
        """
        return (await self._opened()).encrypt(key.encode()).decode()

    async def open(self, cookie: str) -> str | None:
        """The key in a cookie; None where it is none of ours, or is older than an hour.

        Raises:
            StateUnavailable: the secret cannot be read.
        """
        try:
            return (await self._opened()).decrypt(cookie.encode(), ttl=LIFE_S).decode()
        except InvalidToken:
            return None

    async def _opened(self) -> Fernet:
        if self._fernet is None:
            assert self._state is not None  # noqa: S101 - else there is one from the start
            # whoever comes first makes the secret
            await self._state.hash_replace(NAME, {_FIELD: (None, Fernet.generate_key())})
            [[secret]] = (await self._state.hash_get({NAME: [_FIELD]})).values()
            self._fernet = Fernet(secret or b"")
        return self._fernet
