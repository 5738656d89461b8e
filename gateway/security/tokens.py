"""JWT → principal. Only this module imports `jwt`; its errors become ours here.

Only signatures by a private key are accepted: the algorithms that may be allowed exclude `none` and
all HMACs, so a token signed with the public key as its secret is refused whatever its header says.
The key set is fetched in the background, and the last good one stays while its server is gone.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import Any, Final, Literal, NamedTuple

import jwt
import structlog

from gateway.errors import StateUnavailable, Unauthenticated
from gateway.request.principal import SCOPES, Principal
from gateway.request.rate_limits import RateLimits
from gateway.security.api_keys import is_tenant

log = structlog.get_logger()
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
REFRESH_S: Final = 300.0
RETRY_S: Final = 5.0
"""Also the shortest time between a fetch and another that an unknown key id causes."""


class TokenRules(NamedTuple):
    """What a token must have, and which of its claims name the tenant and the scopes."""

    issuer: str
    audience: str
    algorithms: Sequence[str]
    tenant_claim: str
    scopes_claim: str
    leeway_s: float = 30.0


class KeySet:
    """The issuer's public keys."""

    def __init__(self, fetch: Callable[[], Any]) -> None:
        self._fetch = fetch
        self._on_change: list[Callable[[], None]] = []
        self._raw: Any = None
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._wanted = asyncio.Event()

    @property
    def loaded(self) -> bool:
        """Whether keys have ever been fetched."""
        return self._raw is not None

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the keys that were fetched differ from those before."""
        self._on_change.append(changed)

    def get(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key of this id; for a token that names no key, the only key of a set of one."""
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def refresh(self) -> bool:
        """Fetch the keys; returns whether that worked. Where it fails, the last keys stay."""
        try:
            raw, keys = await asyncio.to_thread(self._read)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OSError, HTTPException) as exc:
            log.warning("key set not fetched, the last one stays", reason=repr(exc))
            return False
        if raw != self._raw:
            self._raw, self._keys = raw, keys
            for changed in self._on_change:
                changed()
        return True

    def _read(self) -> tuple[Any, dict[str | None, jwt.PyJWK]]:
        """What was fetched, and its keys; it blocks."""
        raw = self._fetch()
        return raw, {key.key_id: key for key in jwt.PyJWKSet.from_dict(raw).keys}

    def want(self) -> None:
        """Fetch soon, because a key is missing; never more often than every `RETRY_S` seconds."""
        self._wanted.set()

    async def watch(self) -> None:
        """Fetch regularly, and soon after a missing key was asked for; for ever."""
        while True:
            fetched = await self.refresh()
            await asyncio.sleep(RETRY_S)
            if fetched:
                self._wanted.clear()
                try:
                    await asyncio.wait_for(self._wanted.wait(), REFRESH_S - RETRY_S)
                except TimeoutError:
                    continue


class TokenVerifier:
    """Verifies tokens. `key_limits` hold for each subject, `tenant_limits` for each tenant."""

    def __init__(self, keys: KeySet, rules: TokenRules, key_limits: RateLimits, tenant_limits: RateLimits) -> None:
        self._keys, self._rules = keys, rules
        self._key_limits, self._tenant_limits = key_limits, tenant_limits

    def principal(self, token: str) -> Principal:
        """The principal that a token stands for.

        Raises:
            Unauthenticated: the token is not the issuer's, has expired, or lacks a claim.
            StateUnavailable: the issuer's keys could not be fetched yet.
        """
        claims = self._verify(token)
        tenant = claims.get(self._rules.tenant_claim)
        if not isinstance(tenant, str) or not is_tenant(tenant):
            raise Unauthenticated(f"this token has no claim {self._rules.tenant_claim} that names a tenant")
        return Principal(
            f"jwt:{tenant}:{claims['sub']}",
            tenant,
            _scopes(claims.get(self._rules.scopes_claim)),
            expires_at=float(claims["exp"]),
            key_limits=self._key_limits,
            tenant_limits=self._tenant_limits,
        )

    def _verify(self, token: str) -> Mapping[str, Any]:
        rules = self._rules
        try:
            key = self._key(jwt.get_unverified_header(token))
            return jwt.decode(
                token,
                key,
                algorithms=list(rules.algorithms),
                audience=rules.audience,
                issuer=rules.issuer,
                leeway=rules.leeway_s,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as exc:
            raise Unauthenticated("this token has expired") from exc
        except jwt.PyJWTError as exc:
            raise Unauthenticated("this token is not valid here") from exc

    def _key(self, header: Mapping[str, Any]) -> jwt.PyJWK:
        key_id = header.get("kid")
        key = self._keys.get(key_id)
        if key is None:
            self._keys.want()
            if not self._keys.loaded:
                raise StateUnavailable("the issuer's keys have not been fetched yet; try again later")
            raise Unauthenticated("this token is signed with a key that is not known (yet)")
        return key


def _scopes(claim: Any) -> frozenset[str]:
    """The scopes of a claim that exist here; it is a list, or names separated by spaces."""
    names = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else ()
    return frozenset(name for name in names if name in SCOPES)
