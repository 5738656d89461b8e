"""The form for a new experiment: its fields, and the definition that they make. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.errors import InvalidRequest

KINDS = ("binary", "mean", "ratio")
ALL = 100.0
"""Percent."""


def definition_of(given: Mapping[str, str]) -> dict[str, Any]:
    """The definition as JSON; what is left empty is left out.

    Raises:
        InvalidRequest: a number is none; the message names the field.
    """
    share = _percent(given, "share") / ALL
    arms = (("control", given.get("control", ""), 1 - share), ("treatment", given.get("treatment", ""), share))
    variants = [{"name": name, "version": _whole(name, version), "weight": round(weight, 6)} for name, version, weight in arms]
    definition: dict[str, Any] = {
        "key": given.get("key", "").strip(),
        "model": given.get("model", ""),
        "variants": variants,
        "coverage": _percent(given, "coverage") / ALL,
    }
    if description := given.get("description", "").strip():
        definition["description"] = description
    if goal := given.get("goal", "").strip():
        definition["metrics"] = [{"name": goal, "kind": given.get("kind", KINDS[0]), "direction": given.get("direction", "increase")}]
    if given.get("planned_units", "").strip():
        definition["planned_units"] = _whole("planned units", given["planned_units"])
    return definition


def definition_in(text: str) -> dict[str, Any]:
    """The definition that a text of JSON holds.

    Raises:
        InvalidRequest: it holds none.
    """
    try:
        found = orjson.loads(text)
    except ValueError as exc:
        raise InvalidRequest(f"the definition is not JSON: {exc}") from None
    if not isinstance(found, dict):
        raise InvalidRequest("the definition must be a JSON object, in braces")
    return found


def _percent(given: Mapping[str, str], name: str) -> float:
    try:
        found = float(given.get(name, ""))
    except ValueError:
        raise InvalidRequest(f"{name}: must be a number, in percent") from None
    if not 0 <= found <= ALL:
        raise InvalidRequest(f"{name}: must be a number from 0 to 100")
    return found


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidRequest(f"{name}: must be a whole number") from None
