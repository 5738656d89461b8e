"""Version numbers in an order that texts have, as GrowthBook's SDKs compare them. Pure."""

import re

from pydantic import JsonValue

from gateway.experiments.javascript import is_number, text_of

_NOT_COMPARED = re.compile(r"^v|\+.*$")
_PARTS = re.compile(r"[-.]")
_NUMBER = re.compile(r"[0-9]+")
_WIDTH = 5


def sortable(version: JsonValue) -> str:
    """A version as a text that sorts by it: `1.9.0` before `1.10.0-beta` before `1.10.0`.

    Numbers are padded to the same width; `~` sorts behind all that a pre-release may be called. The
    leading `v` and what stands behind `+` are not compared.
    """
    given = text_of(version) if isinstance(version, (int, float)) and is_number(version) else version
    parts = _PARTS.split(_NOT_COMPARED.sub("", given if isinstance(given, str) and given else "0"))
    if len(parts) == 3:
        parts.append("~")
    return "-".join(part.rjust(_WIDTH) if _NUMBER.fullmatch(part) else part for part in parts)
