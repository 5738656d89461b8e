"""What `/debug/config` shows of the settings: each with where it comes from, and no secret. Pure."""

import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

MASK = "***"
_SECRET_NAME = re.compile(r"(secret|password|passwd|token|private|credential|(^|_)keys?$)", re.IGNORECASE)
_PUBLIC_NAME = re.compile(r"(public|per)_key$", re.IGNORECASE)


def shown(settings: BaseModel) -> dict[str, dict[str, Any]]:
    """Each field's `value` and its `source`: `environment` or `default`.

    Secrets are masked: passwords in URLs, what has a secret's name or type, and a field with `repr=False`.
    """
    return {
        name: {
            "value": _value(name, getattr(settings, name), secret=not field.repr),
            "source": "environment" if name in settings.model_fields_set else "default",
        }
        for name, field in type(settings).model_fields.items()
    }


def masked_url(url: str) -> str:
    """A URL without its password, wherever it stands: between `:` and `@`, or in the query."""
    parts = urlsplit(url)
    if parts.password:
        user, _, host = parts.netloc.rpartition("@")
        url = url.replace(parts.netloc, f"{user.partition(':')[0]}:{MASK}@{host}", 1)
    if parts.query:
        query = "&".join(_masked_pair(*pair.partition("=")) for pair in parts.query.split("&"))
        url = url.replace(f"?{parts.query}", f"?{query}", 1)
    return url


def _masked_pair(name: str, equals: str, value: str) -> str:
    return f"{name}{equals}{MASK if _is_secret(name) else value}"


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _PUBLIC_NAME.search(name)


def _value(name: str, value: Any, *, secret: bool = False) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and "://" in value and not _is_secret(name):
        return masked_url(value)
    if isinstance(value, SecretStr | SecretBytes) or secret or _is_secret(name):
        # how many there are is no secret, and says whether they were read
        return f"{MASK} ({len(value)})" if isinstance(value, Mapping | list | tuple | set | frozenset) else MASK
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
