"""Who asks: the tenant, scopes and rate limits that an API key or a token stands for."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.request.rate_limits import RateLimits

PREDICT: Final = "predict"
FEEDBACK: Final = "feedback"
EXPERIMENTS: Final = "experiments"
ADMIN: Final = "admin"
SCOPES: Final = (PREDICT, FEEDBACK, EXPERIMENTS, ADMIN)
DEFAULT_SCOPES: Final = frozenset({PREDICT, FEEDBACK})


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller; `expires_at` is in seconds since 1970.

    `id` names the key or the token's subject in logs and counters.
    """

    id: str
    tenant: str
    scopes: frozenset[str]
    expires_at: float = math.inf
    key_limits: RateLimits = field(default_factory=RateLimits)
    tenant_limits: RateLimits = field(default_factory=RateLimits)


ANONYMOUS: Final = Principal("", "", frozenset(SCOPES) - {ADMIN})
"""Everyone, while authentication is off."""


def parse_scopes(names: Iterable[str]) -> frozenset[str]:
    """Scopes by name.

    Raises:
        ValueError: a name is not a scope's, or there is none.
    """
    scopes = frozenset(names)
    if not scopes or not scopes <= set(SCOPES):
        raise ValueError(f"give at least one scope of {', '.join(SCOPES)}")
    return scopes
