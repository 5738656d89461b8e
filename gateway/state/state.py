"""What the gateway needs of state: hashes with compare-and-set, counters, streams and scripts.

State holds what must not be lost (keys, limits, experiments) and what is counted. Only counters
expire. Each method that writes is one step, which no other client of the server sees half done.
Names that change together must lie in one slot (`gateway.state.slots`).

Every method raises `StateUnavailable` when the server does not answer in time. What was to be
written may then have been written or not.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from gateway.state.durability import Durability
from gateway.state.script import Script

UNAVAILABLE: Final = "the gateway's state cannot be read now; try again later"
"""What a client is told when state does not answer."""

Changes = Mapping[str, tuple[bytes | None, bytes | None]]
"""{field: (expected value, new value)}; None: the field is not there, or no longer."""

_ENTRY_ID = re.compile(r"\d{1,19}-\d{1,19}")


class NewEntry(NamedTuple):
    """An entry to append to a stream that keeps its `max_entries` newest ones."""

    stream: str
    fields: Mapping[str, bytes]
    max_entries: int


class StreamEntry(NamedTuple):
    """An entry of a stream. Ids grow and begin with the server's time, ms since 1970."""

    id: str
    fields: Mapping[str, bytes]


class State(Protocol):
    """The state that all workers and replicas share."""

    @property
    def up(self) -> bool:
        """Whether it answered when it was last asked."""

    @property
    def fault(self) -> str | None:
        """Why the server is not fit for state, although it answers; None if nothing is known."""

    @property
    def durability(self) -> Durability:
        """Whether the server can lose what it acknowledged, as far as is known.

        Where a server acknowledges before its disk has it, the changes of hashes (`hash_replace`,
        `hash_replace_with_audit`) wait for the disk if they can, and scripts that are run durably;
        counters never do.
        """

    async def check(self) -> None:
        """Find out `fault` and `durability`. A server that does not answer changes nothing."""

    async def hash_get(self, asked: Mapping[str, Sequence[str]]) -> dict[str, list[bytes | None]]:
        """Fields of several hashes: {name: [field, …]} → {name: [value, …]}."""

    async def hash_items(self, name: str) -> dict[bytes, bytes]:
        """All fields of a hash."""

    async def hash_replace(self, name: str, changes: Changes) -> bool:
        """Change fields of a hash together if each has its expected value; whether it did."""

    async def hash_replace_with_audit(self, name: str, changes: Changes, audit: NewEntry) -> str | None:
        """Change fields as `hash_replace` does, and append a line about it, in one step.

        The line's id; None where a field had another value than expected, and nothing was written.
        """

    async def hash_add(self, amounts: Mapping[str, Mapping[str, float]], life_s: float | None = None) -> dict[str, dict[str, float]]:
        """Add to counters, in one transaction: {name: {field: amount}} → {name: {field: sum}}.

        A counter that is not there counts as 0. With a life, a hash is forgotten `life_s` seconds
        after it was last added to.

        Raises:
            ValueError: an amount is not finite.
        """

    async def stream_append(self, entry: NewEntry) -> str:
        """Append an entry; its id."""

    async def stream_read(self, name: str, after: str = "", count: int = 100) -> list[StreamEntry]:
        """At most `count` entries younger than the id `after`, oldest first; "": from the start.

        Raises:
            ValueError: `after` is no id.
        """

    async def stream_read_back(self, name: str, before: str = "", count: int = 100) -> list[StreamEntry]:
        """At most `count` entries older than the id `before`, newest first; "": from the end.

        Raises:
            ValueError: `before` is no id.
        """

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | float], *, durably: bool = False) -> list[Any]:
        """Run a script as one step.

        Where a server acknowledges before its disk has it, `durably` waits for the disk if it can.
        """

    async def aclose(self) -> None:
        """Close the connections."""


def require_entry_id(text: str) -> None:
    """Refuse what is neither an entry's id nor empty.

    Raises:
        ValueError: says what an id looks like.
    """
    if text and not _ENTRY_ID.fullmatch(text):
        raise ValueError(f"{text!r} is no id of an entry, such as 1700000000000-0")


def require_new_entry(entry: NewEntry) -> None:
    """Refuse a line that no stream takes.

    Raises:
        ValueError: it has no fields, or its stream would keep no entries.
    """
    if not entry.fields or entry.max_entries < 1:
        raise ValueError(f"{entry.stream}: an entry needs a field, and its stream a bound of at least 1")


def require_finite(amounts: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse amounts that are no numbers to add.

    Raises:
        ValueError: names the counter.
    """
    for name, fields in amounts.items():
        for field, amount in fields.items():
            if not math.isfinite(amount):
                raise ValueError(f"{name} {field}: {amount} cannot be added")
