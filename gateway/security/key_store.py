"""API keys and tenants' rate limits in state: {sha256 of the key: record}, {tenant: limits}."""

from collections.abc import Sequence

import orjson
import structlog

from gateway.errors import NotFound, StateConflict
from gateway.request.principal import Principal
from gateway.request.rate_limits import RateLimits
from gateway.security.api_keys import ApiKey, NewKey, make
from gateway.state.state import State

log = structlog.get_logger()
KEYS, TENANTS = "headrace:keys", "headrace:tenants"
_ATTEMPTS = 3


class KeyStore:
    """Makes, finds, rotates and revokes keys.

    Every method raises `StateUnavailable` when state does not answer. `key_limits` and
    `tenant_limits` are those of the settings, which hold where a key or a tenant has none of its
    own.
    """

    def __init__(self, state: State, key_limits: RateLimits, tenant_limits: RateLimits) -> None:
        self._state = state
        self._key_limits, self._tenant_limits = key_limits, tenant_limits

    async def find(self, digests: Sequence[str], now: float) -> list[Principal | None]:
        """The principals of the keys, in at most two round trips.

        None stands for a key that does not exist, has expired or was revoked.
        """
        keys = [None if raw is None else _key(raw) for raw in (await self._state.hash_get({KEYS: digests}))[KEYS]]
        limits = await self.tenant_limits(sorted({key.tenant for key in keys if key is not None}))
        return [None if key is None or not key.is_valid(now) else key.principal(self._key_limits, limits[key.tenant]) for key in keys]

    async def create(self, new: NewKey) -> None:
        """Keep a new key.

        Raises:
            StateConflict: its digest is taken.
        """
        if not await self._state.hash_replace(KEYS, {new.digest: (None, new.key.pack())}):
            raise StateConflict("a key with this digest is there already; make another")

    async def list_keys(self) -> list[ApiKey]:
        """All keys, the oldest first, including those that expired or were revoked."""
        keys = [_key(raw) for raw in (await self._state.hash_items(KEYS)).values()]
        return sorted((key for key in keys if key is not None), key=lambda key: (key.created_at, key.id))

    async def rotate(self, key_id: str, now: float, grace_s: float) -> NewKey:
        """A new key with the old one's tenant, scopes and limits.

        The old one is accepted for another `grace_s` seconds.

        Raises:
            NotFound: no valid key has this id.
            StateConflict: others keep changing the key.
        """
        for _ in range(_ATTEMPTS):
            old_digest, raw, old = await self._by_id(key_id)
            if not old.is_valid(now):
                raise NotFound("this key has expired or was revoked: make a new one instead")
            life_s = None if old.expires_at is None else old.expires_at - old.created_at
            new = make(old.tenant, old.scopes, now, expires_at=None if life_s is None else now + life_s, limits=old.limits, note=old.note)
            replaced = old.replaced(new.key.id, now, grace_s).pack()
            if await self._state.hash_replace(KEYS, {old_digest: (raw, replaced), new.digest: (None, new.key.pack())}):
                return new
        raise StateConflict("this key is being changed by others; try again")

    async def revoke(self, key_id: str, now: float) -> ApiKey:
        """Revoke a key; one that is revoked already stays as it is.

        Raises:
            NotFound: no key has this id.
            StateConflict: others keep changing the key.
        """
        for _ in range(_ATTEMPTS):
            digest, raw, key = await self._by_id(key_id)
            revoked = key.revoked(now)
            if await self._state.hash_replace(KEYS, {digest: (raw, revoked.pack())}):
                return revoked
        raise StateConflict("this key is being changed by others; try again")

    async def limit_tenant(self, tenant: str, rate_limits: RateLimits) -> None:
        """Give a tenant rate limits of its own.

        Raises:
            StateConflict: others keep changing them.
        """
        for _ in range(_ATTEMPTS):
            (before,) = (await self._state.hash_get({TENANTS: [tenant]}))[TENANTS]
            if await self._state.hash_replace(TENANTS, {tenant: (before, orjson.dumps(rate_limits.given()))}):
                return
        raise StateConflict("this tenant is being changed by others; try again")

    async def tenant_limits(self, tenants: Sequence[str]) -> dict[str, RateLimits]:
        """What all keys and tokens of each tenant may ask for together.

        The settings say it where a tenant has no rate limits of its own.
        """
        if not tenants:
            return {}
        found = (await self._state.hash_get({TENANTS: tenants}))[TENANTS]
        return {tenant: _rate_limits(raw).over(self._tenant_limits) for tenant, raw in zip(tenants, found, strict=True)}

    async def _by_id(self, key_id: str) -> tuple[str, bytes, ApiKey]:
        for digest, raw in (await self._state.hash_items(KEYS)).items():
            key = _key(raw)
            if key is not None and key.id == key_id:
                return digest.decode(), raw, key
        raise NotFound("no key has this id; list the keys to see their ids")


def _key(raw: bytes) -> ApiKey | None:
    """The key of a record; None if the record cannot be read.

    Such a record is accepted as no key, and others are read in spite of it.
    """
    try:
        return ApiKey.unpack(raw)
    except ValueError as exc:
        log.error("a key in state cannot be read and opens no door", reason=str(exc))
        return None


def _rate_limits(raw: bytes | None) -> RateLimits:
    try:
        return RateLimits() if raw is None else RateLimits(**orjson.loads(raw))
    except (TypeError, ValueError) as exc:
        log.error("a tenant's limits in state cannot be read, those of the settings count", reason=str(exc))
        return RateLimits()
