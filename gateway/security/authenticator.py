"""`Authorization` header → principal.

A header that was verified is remembered by its text, so that the next request costs one dictionary
look-up: no hash, no Redis. (A look-up compares texts only after their randomized hashes agree, so
its time tells nothing of a key.) Keys in state are looked up again every `refresh_s` seconds, all
of them in one go, so a revoked key is refused after that time. While state is gone, remembered keys
are accepted for `outage_s` seconds, and keys that are not remembered are answered with 503. The
rate limits of tenants that use tokens or keys of the settings are looked up at the same times.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import structlog

from gateway.concurrency.joiner import Joiner
from gateway.errors import StateUnavailable, Unauthenticated
from gateway.observability import metrics
from gateway.request.principal import Principal
from gateway.request.rate_limits import RateLimits
from gateway.security.api_keys import digest, looks_like_key
from gateway.security.key_store import KeyStore
from gateway.security.tokens import TokenVerifier

log = structlog.get_logger()
MAX_KNOWN = 10_000
TOKEN_LIFE_S = 300.0
IDLE_S = 600.0
MAX_BEARER_CHARS = 8192
_DOTS_OF_A_TOKEN = 2


@dataclass(slots=True)
class _Known:
    """A header that was verified; times in seconds since 1970.

    `source` says what it holds: a key of the settings ("fixed"), a key in state, whose sha256 is
    `digest`, or a token. It is verified again after `good_until`, which is no later than the end of
    the principal.
    """

    principal: Principal
    source: Literal["fixed", "key", "token"]
    good_until: float
    used_at: float
    digest: str = ""

    def __post_init__(self) -> None:
        self.good_until = min(self.good_until, self.principal.expires_at)


class Sources(NamedTuple):
    """Where principals come from. Each source may be missing."""

    fixed: Mapping[str, Principal]
    """Keys of the settings, by their sha256."""
    store: KeyStore | None = None
    tokens: TokenVerifier | None = None
    tenants: KeyStore | None = None
    """Where tenants may have rate limits of their own."""


class Authenticator:
    """Finds the principal of an `Authorization` header."""

    def __init__(self, sources: Sources, *, refresh_s: float, outage_s: float, clock: Callable[[], float]) -> None:
        self._fixed, self._store, self._tokens, self._tenants = sources
        self._refresh_s, self._outage_s, self._clock = refresh_s, outage_s, clock
        self._known: dict[str, _Known] = {}
        # of tenants that use tokens or keys of the settings; keys in state come with their tenant's
        self._tenant_limits: dict[str, RateLimits] = {}
        # unknown keys that come at the same moment are looked up together
        self._look_ups: Joiner[str, Principal | None] = Joiner(self._find, max_items=256, max_in_flight=2)

    def __repr__(self) -> str:
        return f"<Authenticator {len(self._known)} remembered>"

    async def principal(self, authorization: str | None) -> Principal:
        """The principal that sent this header.

        Raises:
            Unauthenticated: there is no bearer token, or it is not valid.
            StateUnavailable: state is gone, and the key is not remembered.
        """
        known = self._known.get(authorization or "")
        now = self._clock()
        if known is not None and now < known.good_until:
            known.used_at = now
            return known.principal
        try:
            return await self._verify(authorization or "", now)
        except Unauthenticated:
            metrics.UNAUTHENTICATED.inc()
            raise

    async def watch(self) -> None:
        """Refresh every `refresh_s` seconds, for ever."""
        while True:
            await asyncio.sleep(self._refresh_s)
            await self.refresh()

    async def refresh(self) -> None:
        """Look remembered keys and limits up again, and forget headers that are idle or lapsed."""
        now = self._clock()
        for header, known in list(self._known.items()):
            if now >= known.good_until or now - known.used_at > IDLE_S:
                del self._known[header]
        try:
            await self._refresh_keys(now)
            await self._refresh_tenants()
        except StateUnavailable:
            return  # counted and logged where it happened; remembered headers are good until `good_until`

    async def _refresh_keys(self, now: float) -> None:
        keys = {header: known for header, known in self._known.items() if known.source == "key"}
        if not keys or self._store is None:
            return
        found = await self._store.find([known.digest for known in keys.values()], now)
        for (header, known), principal in zip(keys.items(), found, strict=True):
            if principal is None:
                self._known.pop(header, None)
            else:
                # the same object while nothing changed: the rate limiter compares identities
                kept = known.principal if known.principal == principal else principal
                known.principal, known.good_until = kept, min(now + self._outage_s, kept.expires_at)

    async def _refresh_tenants(self) -> None:
        if self._tenants is None:
            return
        others = [known for known in self._known.values() if known.source != "key"]
        self._tenant_limits = await self._tenants.tenant_limits(sorted({known.principal.tenant for known in others}))
        for known in others:
            known.principal = self._under_its_tenant(known.principal)

    def forget_tokens(self) -> None:
        """Verify tokens anew, because the issuer's keys have changed."""
        self._known = {header: known for header, known in self._known.items() if known.source != "token"}

    async def aclose(self) -> None:
        """Wait for look-ups in flight."""
        await self._look_ups.aclose()

    async def _verify(self, authorization: str, now: float) -> Principal:
        text = _bearer(authorization)
        sha256 = digest(text)
        if fixed := self._fixed.get(sha256):
            await self._learn_tenant_limits(fixed.tenant)
            return self._remember(authorization, _Known(self._under_its_tenant(fixed), "fixed", now + IDLE_S, now))
        if self._tokens is not None and text.count(".") == _DOTS_OF_A_TOKEN:
            principal = await self._verify_token(text, self._tokens)
            return self._remember(authorization, _Known(self._under_its_tenant(principal), "token", now + TOKEN_LIFE_S, now))
        found = await self._look_ups.submit(sha256) if self._store is not None and looks_like_key(text) else None
        if found is None:
            raise Unauthenticated("this API key is not known")
        return self._remember(authorization, _Known(found, "key", now + self._outage_s, now, sha256))

    async def _verify_token(self, text: str, tokens: TokenVerifier) -> Principal:
        principal = tokens.principal(text)
        if await self._learn_tenant_limits(principal.tenant):
            # The issuer's keys may have changed during that wait. `forget_tokens` could not forget
            # this token, because it was not remembered yet; remembered now, it would be good for
            # `TOKEN_LIFE_S` although the key that signed it may be withdrawn. So the token is
            # verified once more. Nothing is awaited between this and its being remembered.
            principal = tokens.principal(text)
        return principal

    async def _learn_tenant_limits(self, tenant: str) -> bool:
        """Ask state for a tenant's own limits, unless they are known already; whether it was asked.

        While state is gone, the limits of the settings count.
        """
        if self._tenants is None or tenant in self._tenant_limits:
            return False
        with suppress(StateUnavailable):
            self._tenant_limits |= await self._tenants.tenant_limits([tenant])
        return True

    def _under_its_tenant(self, principal: Principal) -> Principal:
        """The principal with the limits of its tenant as they are known.

        It is the same object if it has these limits already.
        """
        limits = self._tenant_limits.get(principal.tenant, principal.tenant_limits)
        return principal if limits == principal.tenant_limits else replace(principal, tenant_limits=limits)

    def _remember(self, authorization: str, known: _Known) -> Principal:
        # a key can be sent in many spellings (spaces, capitals); only the usual ones are
        # remembered, so that nobody can fill the memory
        if authorization.count(" ") == 1 and authorization[:7] in ("Bearer ", "bearer "):
            while len(self._known) >= MAX_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[authorization] = known
        return known.principal

    async def _find(self, digests: list[str]) -> list[Principal | None]:
        assert self._store is not None  # noqa: S101 - only called where there is a store
        return await self._store.find(digests, self._clock())


def _bearer(authorization: str) -> str:
    """The key or token of an `Authorization` header.

    Raises:
        Unauthenticated: there is none, or one so long that it cannot be known.
    """
    scheme, _, text = authorization.partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text:
        raise Unauthenticated("give an API key in the header Authorization: Bearer <key>")
    if len(text) > MAX_BEARER_CHARS:
        raise Unauthenticated("this API key is not known")
    return text
