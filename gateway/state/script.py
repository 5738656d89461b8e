"""A script that state runs as one step: Lua for a server, and a rule in Python for the fake."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

Hashes = MutableMapping[str, dict[str, bytes]]
"""Hashes by name; one that has no fields is as one that is not there."""

Rule = Callable[[Hashes, Sequence[str], Sequence[str | float], float], list[Any]]
"""(hashes, keys, arguments, the server's time in seconds since 1970) → the reply.

A rule changes `hashes` in place.
"""


@dataclass(frozen=True, slots=True)
class Script:
    """A script as a value.

    `lua` takes ARGV, reads and writes the hashes KEYS, and replies with a list of whole numbers and
    strings. `rule` does the same. Both agree in the reply (where Lua gives a string, `rule` gives
    bytes) and in what the hashes hold afterwards; each script has a test that holds them together.
    A rule lets nothing expire, so a script may let a hash expire only where that changes none of
    its replies.
    """

    lua: str
    rule: Rule
