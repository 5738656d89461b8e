"""Values as JavaScript sees them, which GrowthBook's SDKs agree on. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite

from pydantic import JsonValue

_LARGEST_INDEX_DIGITS = 10
_MAX_INDEX = 2**32 - 1


def is_number(value: object) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def text_of(number: float) -> str:
    """A finite number as `String(number)` writes it (ECMAScript, Number::toString).

    Raises:
        OverflowError: it is too large for a double.
    """
    value = float(number)
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    minus, shown, point = "-" if sign else "", "".join(map(str, digits)), len(digits) + int(exponent)
    if len(shown) <= point <= 21:
        return f"{minus}{shown}{'0' * (point - len(shown))}"
    if 0 < point <= 21:
        return f"{minus}{shown[:point]}.{shown[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{shown}"
    fraction = f".{shown[1:]}" if shown[1:] else ""
    return f"{minus}{shown[0]}{fraction}e{point - 1:+d}"


def unit_of(value: JsonValue) -> str | None:
    """The text of an attribute that names a unit; None where it cannot name one.

    Texts do that are not empty, and numbers other than 0.
    """
    if isinstance(value, str):
        return value or None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value != 0 and isfinite(value):
        return text_of(value)
    return None


def at(value: JsonValue, path: tuple[str, ...]) -> JsonValue:
    """What stands in a value at a path of keys and indices; None where nothing does."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part == "length":
            value = len(value)
        elif isinstance(value, list) and is_index(part, len(value)):
            value = value[int(part)]
        else:
            return None
    return value


def is_index(key: str, length: int) -> bool:
    """Whether a key is an array's index below `length`: `0` is, and `00` is not."""
    if len(key) > _LARGEST_INDEX_DIGITS or not (key.isascii() and key.isdigit()) or (key[0] == "0" and key != "0"):
        return False
    return int(key) < length


def same(expected: JsonValue, value: JsonValue) -> bool:
    """Whether two values are of one type and hold the same, as `JSON.stringify` would write them.

    It looks only as deep as `expected` goes.
    """
    if isinstance(expected, list):
        return isinstance(value, list) and len(value) == len(expected) and all(map(same, expected, value))
    if isinstance(expected, dict):
        if not isinstance(value, dict) or len(value) != len(expected):
            return False
        keys = _keys(expected)
        return keys == _keys(value) and all(same(expected[key], value[key]) for key in keys)
    return type_of(value) == type_of(expected) and value == expected


def type_of(value: JsonValue) -> str:
    """The name of a JSON value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def order_of(text: str) -> bytes:
    """Bytes that sort as JavaScript sorts texts, by UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def _keys(value: Mapping[str, JsonValue]) -> list[str]:
    """An object's keys in JavaScript's order: indices rise, and the others stand as they came."""
    indices = sorted((key for key in value if is_index(key, _MAX_INDEX)), key=int)
    return [*indices, *(key for key in value if not is_index(key, _MAX_INDEX))] if indices else list(value)
