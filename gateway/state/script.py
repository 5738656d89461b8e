"""A script that state runs as one step, as a value: in Lua for the server, and the same rule in Python for the fake."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

Hashes = MutableMapping[str, dict[str, bytes]]
"""Hashes by name; one that has no fields is as one that is not there."""

Rule = Callable[[Hashes, Sequence[str], Sequence[str | float], float], list[Any]]
"""(hashes, keys, arguments, the server's time in seconds since 1970) → the reply; it changes `hashes` in place."""


@dataclass(frozen=True, slots=True)
class Script:
    """`lua` reads and writes the hashes KEYS and takes ARGV; it replies with a list of whole numbers and strings.

    `rule` does the same. Both must agree in the reply (where Lua gives a string, `rule` gives bytes) and in what the hashes hold
    afterwards; a test beside each script holds them together. Only the life of a key is none of the rule's: a script may let a
    hash expire only when that changes none of its replies.
    """

    lua: str
    rule: Rule
