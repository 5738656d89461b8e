"""The result of looking up a request's keys. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.cache.entry import Entry
from gateway.errors import GatewayError

SERVER_ERRORS = 500


@dataclass(slots=True)
class Lookup:
    """The entries that a look-up found, by what they may be used for.

    `entries` answer the request; `stale` holds the keys of those that are stale. `on_error` may be
    used only in place of an error; `used_on_error` holds the keys of those that were used so.
    """

    entries: dict[bytes, Entry] = field(default_factory=dict)
    stale: set[bytes] = field(default_factory=set)
    on_error: dict[bytes, Entry] = field(default_factory=dict)
    used_on_error: frozenset[bytes] = frozenset()

    def status(self, keys: Sequence[bytes]) -> str:
        """The value of `X-Cache`: hit, stale, partial or miss.

        It is stale where every key has an entry and at least one of the entries is stale.
        """
        hits = self.hits(keys)
        if hits < len(keys):
            return "partial" if hits else "miss"
        return "stale" if self.stale else "hit"

    def hits(self, keys: Sequence[bytes]) -> int:
        """How many of `keys` have an entry that answers."""
        return sum(key in self.entries for key in keys) if self.entries else 0

    def use_on_error(self, keys: Sequence[bytes], exc: GatewayError) -> bool:
        """Use the entries kept for errors; returns whether the answer is complete with them.

        They are used only where the error is the server's and they complete the answer.
        """
        if exc.status < SERVER_ERRORS or any(key not in self.entries and key not in self.on_error for key in keys):
            return False
        self.used_on_error = frozenset(self.on_error)
        self.entries |= self.on_error
        return True
