"""What `/debug/config` shows of the settings: each with where it comes from, and no secret. Pure.

A secret setting has a type that masks itself (`gateway.settings.secret`). In case a setting was
given no such type, names that sound secret and fields with `repr=False` are masked too.
"""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from gateway.settings.secret import MASK, HttpsUrl, RedisUrl, masked_url, names_secret


def shown(settings: BaseModel) -> dict[str, dict[str, Any]]:
    """Each field's `value` and its `source`: `environment` or `default`.

    Masked are passwords in URLs, values whose type or name is that of a secret, and fields with
    `repr=False`.
    """
    return {
        name: {
            "value": _value(name, getattr(settings, name), secret=not field.repr),
            "source": "environment" if name in settings.model_fields_set else "default",
        }
        for name, field in type(settings).model_fields.items()
    }


def _value(name: str, value: Any, *, secret: bool = False) -> Any:
    if isinstance(value, RedisUrl | HttpsUrl):
        value = str(value)
    elif isinstance(value, Secret | SecretStr | SecretBytes):
        return _masked(value.get_secret_value())
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and "://" in value and not names_secret(name):
        return masked_url(value)
    if secret or names_secret(name):
        return _masked(value)
    if isinstance(value, str):
        return value
    if isinstance(value, BaseModel):
        return {field: _value(field, getattr(value, field)) for field in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {field: item for field, item in asdict(value).items() if item is not None}
    if isinstance(value, Mapping):
        return {str(key): _value(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(name, item) for item in value]
    return str(value)


def _masked(value: Any) -> str:
    # how many there are is no secret, and says whether they were read
    return f"{MASK} ({len(value)})" if isinstance(value, Mapping | list | tuple | set | frozenset) else MASK
