"""How each model's rows are cached: defaults from the settings, and overrides by model. Pure.

HEADRACE_CACHE_POLICIES names a YAML file, or is JSON itself:

    topics: {ttl_s: 600, stale_while_revalidate_s: 60, stale_if_error_s: 86400}
    drafts: {enabled: false}
"""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.cache.entry import Entry
from gateway.faults import faults
from gateway.files import yaml_text
from gateway.request.cache_control import Directives

ALL_TENANTS = "all"
MAX_LIFE_S = 10 * 365 * 86400


class PolicyError(ValueError):
    """Policies that cannot be used; the message says where and why."""


class CachePolicy(BaseModel):
    """How one model's rows are cached; times are in seconds, sizes in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(True, description="whether answers are looked up and stored at all")
    ttl_s: float = Field(3600, gt=0, le=MAX_LIFE_S, description="how long an answer is fresh")
    ttl_jitter: float = Field(0.1, ge=0, lt=1, description="a life is drawn from ±this share around the TTL")
    stale_while_revalidate_s: float = Field(
        0, ge=0, le=MAX_LIFE_S, description="how long after that it still answers at once while it is computed anew in the background"
    )
    stale_if_error_s: float = Field(0, ge=0, le=MAX_LIFE_S, description="how long after that it still answers while Triton fails")
    max_value_bytes: int = Field(2**18, ge=0, description="a larger answer is not stored")
    compress_above_bytes: int = Field(1024, ge=0, description="a larger answer is compressed where that makes it smaller")
    lease_s: float = Field(
        0, ge=0, le=3600, description="how long one gateway may compute an answer that the others wait for; 0: each computes its own"
    )
    isolated_tenants: frozenset[str] = Field(frozenset(), description="tenants with a cache of their own; `all`: every tenant")

    def isolates(self, tenant: str) -> bool:
        """Whether a tenant has a cache of its own."""
        return tenant in self.isolated_tenants or (ALL_TENANTS in self.isolated_tenants and tenant != "")

    def fresh_for_s(self, draw: float) -> float:
        """The life of a fresh entry, around the TTL; `draw` is uniform in [0, 1)."""
        return self.ttl_s * (1 + self.ttl_jitter * (2 * draw - 1))

    @property
    def stale_for_s(self) -> float:
        """How long a stale entry is kept."""
        return max(self.stale_while_revalidate_s, self.stale_if_error_s)


class Policies:
    """The policy of each model."""

    def __init__(self, default: CachePolicy, by_model: Mapping[str, CachePolicy] | None = None) -> None:
        self.default, self.by_model = default, by_model or {}

    def of(self, model: str) -> CachePolicy:
        """The policy of a model."""
        return self.by_model.get(model, self.default)

    @property
    def uses_leases(self) -> bool:
        """Whether any model's rows are computed under leases."""
        return any(policy.lease_s > 0 for policy in (self.default, *self.by_model.values()))

    def isolates(self, tenant: str) -> bool:
        """Whether a tenant has a cache of its own for any model."""
        return any(policy.isolates(tenant) for policy in (self.default, *self.by_model.values()))


def parse(text: str, default: CachePolicy) -> dict[str, CachePolicy]:
    """Policies by model from JSON, or from the YAML file that `text` names.

    A field that a policy leaves out has the value that it has in `default`.

    Raises:
        PolicyError: the file cannot be read, or holds no policies; names the model and the field.
    """
    if not text.lstrip().startswith("{"):
        try:
            text = Path(text).read_text()
        except (OSError, UnicodeDecodeError) as exc:
            raise PolicyError(f"{text}: {getattr(exc, 'strerror', None) or 'not UTF-8'}") from exc
    try:
        given = yaml_text.load(text) or {}
    except ValueError as exc:
        raise PolicyError(str(exc)) from exc
    if not isinstance(given, dict):
        raise PolicyError("must be an object with a policy by model, such as {topics: {ttl_s: 600}}")
    return {str(model): _policy(str(model), fields, default) for model, fields in given.items()}


def _policy(model: str, fields: Any, default: CachePolicy) -> CachePolicy:
    if not isinstance(fields, dict):
        raise PolicyError(f"{model}: must be an object, such as {{ttl_s: 600}}")
    try:
        return CachePolicy.model_validate(default.model_dump() | fields)
    except ValidationError as exc:
        fault = faults(exc)[0]
        raise PolicyError(fault._replace(place=(model, *fault.place)).sentence) from exc


class Use(Enum):
    """What a request may use an entry for."""

    ANSWER = "answer"
    ANSWER_AND_REFRESH = "answer and refresh"
    ON_ERROR = "on error"
    NOTHING = "nothing"


def use_of(entry: Entry, policy: CachePolicy, directives: Directives, now_s: float) -> Use:
    """What a request may use this entry for at `now_s`.

    A fresh entry answers, unless the client wants a younger one. A stale entry answers and is
    refreshed while it is within the client's `max-stale`, or, if the client names no ages, within
    the model's bound. Otherwise it answers only in place of an error.
    """
    stale_s = now_s - entry.fresh_until_s
    young = now_s - entry.made_at_s <= directives.max_age_s
    if young and stale_s <= -directives.min_fresh_s:
        return Use.ANSWER
    allowed_s = 0.0 if directives.names_ages else policy.stale_while_revalidate_s
    if young and 0 < stale_s <= max(allowed_s, min(directives.max_stale_s or 0.0, policy.stale_for_s)):
        return Use.ANSWER_AND_REFRESH
    if stale_s <= min(policy.stale_if_error_s, directives.stale_if_error_s):
        return Use.ON_ERROR
    return Use.NOTHING
