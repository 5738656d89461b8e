"""The in-process tier: bounded bytes, admission and eviction by W-TinyLFU, a short life.

This is the only module that imports `theine_core`, whose policy counts entries and not bytes. So an
entry takes as many slots of the policy as its size needs, each of `SLOT_BYTES`, and is evicted when
the policy evicts one of its slots.

Hit rates with room for 1 % of the keys and popularity by Zipf's law: W-TinyLFU 0.59, LRU 0.51.
Where the popular keys change over time: W-TinyLFU 0.56, LRU 0.51, LFU 0.46.
"""

from typing import NamedTuple

from theine_core import TlfuCore

from gateway.cache.entry import Entry
from gateway.observability import metrics

SLOT_BYTES = 1024
OVERHEAD_BYTES = 600
"""Bytes of an entry beside its row: key, times, and its places in our dictionary and the policy."""
LARGEST_SHARE = 8
"""No entry takes more than the size of the tier divided by this."""
_ACCESSES = 64
_HASH_BYTES = 8
_STEP, _MASK = 0x9E3779B97F4A7C15, 2**64 - 1


class _Held(NamedTuple):
    key: bytes
    entry: Entry
    until_s: float
    slots: int


class MemoryTier:
    """Entries by key, `max_bytes` of them at most.

    An entry is held for at most `life_s` seconds, and never longer than it is fresh.
    """

    def __init__(self, max_bytes: int, life_s: float) -> None:
        self._slots = max(1, max_bytes // SLOT_BYTES)
        self._life_s = life_s
        self._policy = TlfuCore(self._slots)
        self._held: dict[int, _Held] = {}
        self._owner: dict[int, int] = {}
        self._accesses: list[int] = []

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"<MemoryTier {len(self)} entries, {self.held_bytes} of {self._slots * SLOT_BYTES} bytes>"

    @property
    def held_bytes(self) -> int:
        """Bytes that the entries take, in whole slots."""
        return (len(self._held) + len(self._owner)) * SLOT_BYTES

    def get(self, key: bytes, now_s: float) -> Entry | None:
        """The entry of a key, None where there is none or its life in this tier is over.

        `now_s` is Unix time.
        """
        name = int.from_bytes(key[-_HASH_BYTES:], "little")
        held = self._held.get(name)
        if held is None or held.key != key:
            return None
        if held.until_s <= now_s:
            self._drop(name)
            return None
        self._accesses.append(name)
        if len(self._accesses) >= _ACCESSES:
            self._policy.access(self._accesses)
            self._accesses = []
        return held.entry

    def put(self, key: bytes, entry: Entry, now_s: float) -> None:
        """Add an entry, unless the policy prefers the entries that it would evict for it."""
        name = int.from_bytes(key[-_HASH_BYTES:], "little")
        self._drop(name)
        slots = -(-(len(entry.row) + OVERHEAD_BYTES) // SLOT_BYTES)
        if slots * LARGEST_SHARE > self._slots and slots > 1:
            return
        self._held[name] = _Held(key, entry, min(entry.fresh_until_s, now_s + self._life_s), slots)
        parts = [name]
        for i in range(1, slots):
            part = (name + i * _STEP) & _MASK
            self._owner[part] = name
            parts.append(part)
        self._policy.access(self._accesses)
        self._accesses = []
        for evicted in self._policy.set([(part, 0) for part in parts]):
            self._drop(self._owner.get(evicted, evicted))
        metrics.CACHE_MEMORY_BYTES.set(self.held_bytes)

    def _drop(self, name: int) -> None:
        held = self._held.pop(name, None)
        if held is None:
            return
        self._policy.remove(name)
        for i in range(1, held.slots):
            part = (name + i * _STEP) & _MASK
            self._owner.pop(part, None)
            self._policy.remove(part)
