"""API keys and tenants' limits in Redis state: {sha256 of the key: record}, {tenant: limits}."""

from collections.abc import Sequence

import orjson

from gateway.errors import NotFound, StateConflict
from gateway.redis_state import RedisState
from gateway.security.api_keys import ApiKey, NewKey, make
from gateway.security.limits import Limits
from gateway.security.principal import Principal

KEYS, TENANTS = "headrace:keys", "headrace:tenants"
_ATTEMPTS = 3


class KeyStore:
    """Makes, finds, rotates and revokes keys; every method raises `StateUnavailable` when state does not answer."""

    def __init__(self, state: RedisState, key_limits: Limits, tenant_limits: Limits) -> None:
        self._state = state
        self._key_limits, self._tenant_limits = key_limits, tenant_limits

    async def find(self, digests: Sequence[str], now: float) -> list[Principal | None]:
        """Whom the keys stand for, None for a key that is not there, has expired or was revoked; two round trips at most."""
        found = (await self._state.hash_get({KEYS: digests}))[KEYS]
        keys = [None if raw is None else ApiKey.unpack(raw) for raw in found]
        tenants = sorted({key.tenant for key in keys if key is not None})
        limits = await self._limits(tenants)
        return [None if key is None or not key.is_valid(now) else key.principal(self._key_limits, limits[key.tenant]) for key in keys]

    async def create(self, new: NewKey) -> None:
        """Keep a new key."""
        if not await self._state.hash_replace(KEYS, {new.digest: (None, new.key.pack())}):
            raise StateConflict("a key with this digest is there already; make another")

    async def list_keys(self) -> list[ApiKey]:
        """All keys, the oldest first; those that expired or were revoked too."""
        keys = [ApiKey.unpack(raw) for raw in (await self._state.hash_items(KEYS)).values()]
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    async def rotate(self, key_id: str, now: float, grace_s: float) -> NewKey:
        """A new key with the old one's tenant, scopes and limits; the old one goes on for `grace_s` seconds.

        Raises:
            NotFound: no valid key has this id.
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
        """Revoke a key; one that is revoked already stays so.

        Raises:
            NotFound: no key has this id.
        """
        for _ in range(_ATTEMPTS):
            digest, raw, key = await self._by_id(key_id)
            revoked = key.revoked(now)
            if await self._state.hash_replace(KEYS, {digest: (raw, revoked.pack())}):
                return revoked
        raise StateConflict("this key is being changed by others; try again")

    async def limit_tenant(self, tenant: str, limits: Limits) -> None:
        """Give a tenant limits of its own."""
        for _ in range(_ATTEMPTS):
            (before,) = (await self._state.hash_get({TENANTS: [tenant]}))[TENANTS]
            if await self._state.hash_replace(TENANTS, {tenant: (before, orjson.dumps(limits.given()))}):
                return
        raise StateConflict("this tenant is being changed by others; try again")

    async def _limits(self, tenants: Sequence[str]) -> dict[str, Limits]:
        if not tenants:
            return {}
        found = (await self._state.hash_get({TENANTS: tenants}))[TENANTS]
        own = [Limits() if raw is None else Limits(**orjson.loads(raw)) for raw in found]
        return {tenant: limits.over(self._tenant_limits) for tenant, limits in zip(tenants, own, strict=True)}

    async def _by_id(self, key_id: str) -> tuple[str, bytes, ApiKey]:
        for digest, raw in (await self._state.hash_items(KEYS)).items():
            key = ApiKey.unpack(raw)
            if key.id == key_id:
                return digest.decode(), raw, key
        raise NotFound("no key has this id; list the keys to see their ids")
