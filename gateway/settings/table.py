"""The table of all settings, as Markdown: what `python -m gateway settings` prints. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import Secret
from pydantic.fields import FieldInfo

from gateway.request.rate_limits import RateLimits

HEAD = "| variable | default | what it is |\n| --- | --- | --- |\n"


def table(fields: Mapping[str, FieldInfo], prefix: str) -> str:
    """A row for each field: its variable, its default as one would write it, its description."""
    rows = (f"| `{prefix}{name.upper()}` | {_default(field)} | {_cell(field.description or '')} |\n" for name, field in fields.items())
    return HEAD + "".join(rows)


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, Secret):
        value = value.get_secret_value()
    if isinstance(value, RateLimits):
        value = value.given()
    if isinstance(value, frozenset | tuple):
        value = ",".join(value)
    if isinstance(value, bool):
        value = str(value).lower()
    return "none" if value in (None, "", {}) else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
