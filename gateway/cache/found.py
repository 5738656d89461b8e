"""What a look-up found of a request's keys. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.cache.entry import Entry
from gateway.errors import GatewayError

SERVER_ERRORS = 500


@dataclass(slots=True)
class Found:
    """Entries that answer, the keys of those that are stale, and entries for errors only
    (`rescued`: those that were used).
    """

    entries: dict[bytes, Entry] = field(default_factory=dict)
    stale: set[bytes] = field(default_factory=set)
    reserve: dict[bytes, Entry] = field(default_factory=dict)
    rescued: frozenset[bytes] = frozenset()

    def status(self, keys: Sequence[bytes]) -> str:
        """The value of `X-Cache`: hit, stale (known, and something of it stale), partial or miss."""
        known = self.known(keys)
        if known < len(keys):
            return "partial" if known else "miss"
        return "stale" if self.stale else "hit"

    def known(self, keys: Sequence[bytes]) -> int:
        """How many of `keys` have an entry that answers."""
        return sum(key in self.entries for key in keys) if self.entries else 0

    def rescue(self, keys: Sequence[bytes], exc: GatewayError) -> bool:
        """Take over the entries kept for errors, where the error is the server's and they complete
        the answer: whether they do.
        """
        if exc.status < SERVER_ERRORS or any(key not in self.entries and key not in self.reserve for key in keys):
            return False
        self.rescued = frozenset(self.reserve)
        self.entries |= self.reserve
        return True
