"""The settings `cache_*` as cache policies: one by default, and those of single models."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationInfo

from gateway.cache import policy
from gateway.cache.policy import CachePolicy


def default_policy(settings: Mapping[str, Any]) -> CachePolicy:
    """The default policy; a field `x` of it is the setting `cache_x`."""
    given = {field: settings[f"cache_{field}"] for field in CachePolicy.model_fields if f"cache_{field}" in settings}
    return CachePolicy(**given, isolated_tenants=settings.get("cache_tenants", frozenset()))


def parse_policies(value: object, info: ValidationInfo) -> object:
    """The policies of models, by name, on top of what the settings before them say.

    Raises:
        ValueError: the text cannot be used; a `PolicyError` is one, and its sentence stands in the
            setting's.
    """
    return policy.parse(value, default_policy(info.data)) if isinstance(value, str) else value
