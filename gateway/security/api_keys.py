"""API keys: what is kept of one, and what happens to it in its life. Pure: the time is passed in.

A key is `hr_` and 32 random bytes in URL-safe base64. It is shown once; what is kept is its sha256.
A key of 256 random bits cannot be guessed, so the hash needs no salt and need not be slow.
"""

import hashlib
import re
import secrets
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import orjson

from gateway.request.principal import Principal, parse_scopes
from gateway.request.rate_limits import RateLimits

PREFIX = "hr_"
_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
_TENANT = re.compile(r"[A-Za-z0-9_.-]{1,100}")
MAX_LIFE_S = 100 * 365 * 86_400
"""Whoever wants a key to live longer makes one without an end."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept; times in seconds since 1970. `limits` are its own rate limits."""

    id: str
    tenant: str
    scopes: frozenset[str]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    replaced_by: str | None = None
    note: str = ""
    limits: RateLimits = field(default_factory=RateLimits)

    def __post_init__(self) -> None:
        require_tenant(self.tenant)
        parse_scopes(self.scopes)

    def is_valid(self, now: float) -> bool:
        """Whether it is accepted at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def state(self, now: float) -> str:
        """`valid`, `expired` or `revoked`."""
        return "valid" if self.is_valid(now) else "expired" if self.revoked_at is None else "revoked"

    def revoked(self, now: float) -> "ApiKey":
        """The key, revoked; one that is revoked already keeps the time at which it was."""
        return self if self.revoked_at is not None else replace(self, revoked_at=now)

    def replaced(self, by: str, now: float, grace_s: float) -> "ApiKey":
        """The key with `grace_s` seconds left, or fewer where it would have expired sooner."""
        ends = now + grace_s
        return replace(self, replaced_by=by, expires_at=ends if self.expires_at is None else min(self.expires_at, ends))

    def principal(self, default_limits: RateLimits, tenant_limits: RateLimits) -> Principal:
        """The principal that it stands for; the defaults fill in where it has no own limits."""
        expires_at = {} if self.expires_at is None else {"expires_at": self.expires_at}
        return Principal(
            self.id, self.tenant, self.scopes, key_limits=self.limits.over(default_limits), tenant_limits=tenant_limits, **expires_at
        )

    def shown(self, now: float) -> dict[str, Any]:
        """What an administrator sees of it."""
        return {
            **asdict(self),
            "scopes": sorted(self.scopes),
            "limits": self.limits.given(),
            "state": self.state(now),
        }

    def pack(self) -> bytes:
        """As it is stored."""
        return orjson.dumps({**asdict(self), "scopes": sorted(self.scopes), "limits": self.limits.given()})

    @classmethod
    def unpack(cls, raw: bytes) -> "ApiKey":
        """From what was stored.

        Raises:
            ValueError: it is no record of a key, or has fields of a later gateway that are unknown
            here.
        """
        kept = orjson.loads(raw)
        try:
            return cls(**{**kept, "scopes": frozenset(kept["scopes"]), "limits": RateLimits(**kept["limits"])})
        except (KeyError, TypeError) as exc:
            raise ValueError(f"not a record of a key: {exc!r}") from exc


class NewKey(NamedTuple):
    """A key that was just made: `text` is shown once and then forgotten."""

    text: str
    digest: str
    key: ApiKey


def make(
    tenant: str,
    scopes: frozenset[str],
    now: float,
    *,
    expires_at: float | None = None,
    limits: RateLimits | None = None,
    note: str = "",
) -> NewKey:
    """A new random key.

    Raises:
        ValueError: `tenant` is no tenant's name, or a scope does not exist.
    """
    text = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(secrets.token_hex(6), tenant, scopes, now, expires_at, note=note, limits=limits or RateLimits())
    return NewKey(text, digest(text), key)


def digest(text: str) -> str:
    """What is kept of a key: its sha256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_tenant(text: str) -> bool:
    """Whether a text can name a tenant."""
    return _TENANT.fullmatch(text) is not None


def require_tenant(text: str) -> None:
    """Refuse a text that cannot name a tenant.

    Raises:
        ValueError: it cannot; the message says which texts can.
    """
    if not is_tenant(text):
        raise ValueError("tenant: must be 1 to 100 letters, digits, dots, hyphens or underscores")


def looks_like_key(text: str) -> bool:
    """Whether a text has the form of a key that `make` made."""
    return _FORM.fullmatch(text) is not None
