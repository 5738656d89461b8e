"""How deeply JSON is nested, known before anything parses it."""

import re

from gateway.errors import MalformedRequest

# a string, or one that never ends; possessive, so that no text makes it slow
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# brackets of one kind, so that removing pairs removes one level; the parser checks the kinds
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


def require_shallow(raw: bytes, what: str, max_depth: int) -> None:
    """Refuse JSON of more than `max_depth` levels; the message calls it `what`.

    Raises:
        MalformedRequest: it is nested more deeply.
    """
    if is_deeper(raw, max_depth):
        raise MalformedRequest(f"{what} is nested more than {max_depth} levels deep, or its brackets do not match")


def is_deeper(raw: bytes, max_depth: int) -> bool:
    """Whether JSON is nested more than `max_depth` levels deep, without parsing it.

    JSON whose brackets do not match may count as either. Innermost pairs of brackets are removed,
    one level at a time; every step runs over the bytes in C.
    """
    if raw.count(b"[") + raw.count(b"{") <= max_depth:
        return False
    brackets = _STRING.sub(b"", raw).translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(max_depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
