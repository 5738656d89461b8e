"""How large and how deeply nested JSON is, known before anything parses it. Pure.

A parser makes an object of each value, and pydantic a fault of each that does not fit: a megabyte
of `[],[],…` becomes hundreds. So what a body costs is bounded by counting, which runs over the
bytes in C.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from gateway.errors import MalformedRequest, TooLarge

MAX_MEMBERS = 10_000
"""Most members of all objects together: each that a model does not know is a fault."""
MAX_DIGITS = 400
"""Most digits of a number, since reading them takes the square of their count; the largest double
has 309 before its point.
"""
_TOO_MANY_DIGITS = b"0" * (MAX_DIGITS + 1)
_ONE_DIGIT = bytes.maketrans(b"123456789", b"000000000")
_CHUNK_BYTES = 2**16
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# brackets of one kind, so that removing pairs removes one level; the parser checks the kinds
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """Limits on JSON: levels of nesting, values, and members of all its objects together."""

    max_depth: int
    max_values: int
    max_members: int = MAX_MEMBERS

    def times(self, factor: int) -> Self:
        """The same limits with `factor` times as many values, for lists of numbers alone."""
        return replace(self, max_values=self.max_values * factor)


def require_within(raw: bytes, what: str, limits: JsonLimits) -> None:
    """Refuse JSON that is over its limits; the message calls it `what`.

    Raises:
        MalformedRequest: it is nested too deeply, or a number has too many digits.
        TooLarge: it has too many values, or its objects have too many members.
    """
    # short JSON need not be looked at, and most JSON is within its limits even with its strings
    few = (len(raw) <= limits.max_values and len(raw) <= limits.max_members) or (
        _values(raw) <= limits.max_values and _members(raw) <= limits.max_members and not _has_long_number(raw)
    )
    if few and _brackets(raw) <= limits.max_depth:
        return
    bare = b"".join(_outside_strings(raw))
    if _values(bare) > limits.max_values:
        raise TooLarge(f"{what} has more than {limits.max_values} JSON values; send the rest in another request")
    if _members(bare) > limits.max_members:
        raise TooLarge(f"the objects in {what} have more than {limits.max_members} members; send the rest in another request")
    if not few and _has_long_number(bare):
        raise MalformedRequest(f"a number in {what} has more than {MAX_DIGITS} digits")
    if _is_deeper(bare, limits.max_depth):
        raise MalformedRequest(f"{what} is nested more than {limits.max_depth} levels deep, or its brackets do not match")


def _brackets(raw: bytes) -> int:
    return raw.count(b"[") + raw.count(b"{")


def _values(raw: bytes) -> int:
    # a value stands behind a comma or an opening bracket, except the outermost
    return raw.count(b",") + _brackets(raw)


def _members(raw: bytes) -> int:
    return raw.count(b":")


def _has_long_number(raw: bytes) -> bool:
    return _TOO_MANY_DIGITS in raw.translate(_ONE_DIGIT)


def _outside_strings(raw: bytes) -> Iterator[bytes]:
    """JSON without the contents of its strings; of what is no JSON, all up to its first fault."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    inside = 0
    # in chunks, because each part of a split is an object
    for begin in range(0, len(raw), _CHUNK_BYTES):
        parts = raw[begin : begin + _CHUNK_BYTES].split(b'"')
        yield b"".join(parts[inside::2])
        inside ^= (len(parts) - 1) & 1


def _is_deeper(bare: bytes, max_depth: int) -> bool:
    """Whether JSON without strings is nested more than `max_depth` levels deep.

    JSON whose brackets do not match may count as either. Innermost pairs of brackets are removed,
    one level at a time.
    """
    brackets = bare.translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(max_depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
