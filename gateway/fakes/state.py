"""State without a server: what the processes of one test share."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import time
from typing import TYPE_CHECKING, Any

from gateway.errors import StateUnavailable
from gateway.state.durability import Durability
from gateway.state.script import Script
from gateway.state.slots import require_one_slot
from gateway.state.state import UNAVAILABLE, Changes, NewEntry, State, StreamEntry, require_entry_id, require_finite, require_new_entry


class FakeState:
    """`State` in memory. Those who would use one server are handed the same `FakeState`.

    Other tasks run in between its calls, as with a server. It runs no Lua: a script brings the same
    rule in Python (`gateway.state.script`), and that is run. It keeps counters as double-precision
    numbers, and has no time limit and no memory limit. Its controls may be used from any thread:

    - `unavailable`: while true, every call fails as one without a server does;
    - `clock`: the server's time, seconds since 1970;
    - `durability`: what it says of itself.
    """

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self.unavailable = False
        self.clock = clock
        self.durability = Durability(True, "it is a fake, which loses nothing")
        self._hashes: dict[str, dict[str, bytes]] = {}
        self._streams: dict[str, list[StreamEntry]] = {}
        self._last_ids: dict[str, tuple[int, int]] = {}
        self._ends: dict[str, float] = {}
        self._step = threading.Lock()

    def __repr__(self) -> str:
        return f"<FakeState {len(self._hashes)} hashes, {len(self._streams)} streams{', unavailable' if self.unavailable else ''}>"

    @property
    def up(self) -> bool:
        """As `State.up`."""
        return not self.unavailable

    @property
    def fault(self) -> None:
        """As `State.fault`: there is none."""
        return None

    async def check(self) -> None:
        """As `State.check`."""

    async def hash_get(self, asked: Mapping[str, Sequence[str]]) -> dict[str, list[bytes | None]]:
        """As `State.hash_get`."""
        await asyncio.sleep(0)
        with self._server():
            return {name: [self._hashes.get(name, {}).get(field) for field in fields] for name, fields in asked.items()}

    async def hash_items(self, name: str) -> dict[bytes, bytes]:
        """As `State.hash_items`."""
        await asyncio.sleep(0)
        with self._server():
            return {field.encode(): value for field, value in self._hashes.get(name, {}).items()}

    async def hash_replace(self, name: str, changes: Changes) -> bool:
        """As `State.hash_replace`."""
        await asyncio.sleep(0)
        with self._server():
            return self._replace(name, changes)

    async def hash_replace_with_audit(self, name: str, changes: Changes, audit: NewEntry) -> str | None:
        """As `State.hash_replace_with_audit`."""
        require_new_entry(audit)
        require_one_slot([name, audit.stream])
        await asyncio.sleep(0)
        with self._server():
            return self._append(audit) if self._replace(name, changes) else None

    async def hash_add(self, amounts: Mapping[str, Mapping[str, float]], life_s: float | None = None) -> dict[str, dict[str, float]]:
        """As `State.hash_add`."""
        require_finite(amounts)
        require_one_slot(amounts)
        await asyncio.sleep(0)
        with self._server():
            return {name: self._add(name, fields, life_s) for name, fields in amounts.items()}

    async def stream_append(self, entry: NewEntry) -> str:
        """As `State.stream_append`."""
        require_new_entry(entry)
        await asyncio.sleep(0)
        with self._server():
            return self._append(entry)

    async def stream_read(self, name: str, after: str = "", count: int = 100) -> list[StreamEntry]:
        """As `State.stream_read`."""
        require_entry_id(after)
        await asyncio.sleep(0)
        with self._server():
            return [entry for entry in self._streams.get(name, []) if not after or _order(entry.id) > _order(after)][:count]

    async def stream_read_back(self, name: str, before: str = "", count: int = 100) -> list[StreamEntry]:
        """As `State.stream_read_back`."""
        require_entry_id(before)
        await asyncio.sleep(0)
        with self._server():
            newest_first = reversed(self._streams.get(name, []))
            return [entry for entry in newest_first if not before or _order(entry.id) < _order(before)][:count]

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | float], *, durably: bool = False) -> list[Any]:
        """As `State.run`, by the script's rule."""
        require_one_slot(keys)
        await asyncio.sleep(0)
        with self._server():
            return script.rule(self._hashes, keys, arguments, self.clock())

    async def aclose(self) -> None:
        """As `State.aclose`; others may go on using it."""

    @contextmanager
    def _server(self) -> Iterator[None]:
        """One step of the server.

        Raises:
            StateUnavailable: it is `unavailable`.
        """
        if self.unavailable:
            raise StateUnavailable(UNAVAILABLE)
        with self._step:
            now = self.clock()
            for name in [name for name, end in self._ends.items() if end <= now]:
                del self._ends[name]
                self._hashes.pop(name, None)
            yield

    def _replace(self, name: str, changes: Changes) -> bool:
        found = self._hashes.get(name, {})
        if any(found.get(field) != expected for field, (expected, _) in changes.items()):
            return False
        after = {**found, **{field: new for field, (_, new) in changes.items()}}
        self._hashes[name] = {field: value for field, value in after.items() if value is not None}
        if not self._hashes[name]:
            # a hash without fields is gone, and its life with it
            del self._hashes[name]
            self._ends.pop(name, None)
        return True

    def _append(self, entry: NewEntry) -> str:
        """Append an entry; its id is greater than the last one's even if the clock was set back."""
        last_ms, last_number = self._last_ids.get(entry.stream, (0, -1))
        now_ms = int(1e3 * self.clock())
        self._last_ids[entry.stream] = at = (now_ms, 0) if now_ms > last_ms else (last_ms, last_number + 1)
        appended = StreamEntry("{}-{}".format(*at), dict(entry.fields))
        self._streams[entry.stream] = [*self._streams.get(entry.stream, []), appended][-entry.max_entries :]
        return appended.id

    def _add(self, name: str, amounts: Mapping[str, float], life_s: float | None) -> dict[str, float]:
        counters = self._hashes.setdefault(name, {})
        sums = {field: float(counters.get(field, 0)) + amount for field, amount in amounts.items()}
        counters.update((field, _number(value)) for field, value in sums.items())
        if life_s is not None:
            self._ends[name] = self.clock() + life_s
        return sums


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)


def _number(value: float) -> bytes:
    """As the server writes it: without a fraction where there is none."""
    return (b"%d" % value) if value.is_integer() else repr(value).encode()


if TYPE_CHECKING:
    _fulfils: type[State] = FakeState
