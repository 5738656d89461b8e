"""How much memory the cache needs for the entries that it is to keep. Pure."""

import math
from dataclasses import dataclass

BYTES_PER_MIB, BYTES_PER_GIB = 2**20, 2**30
LEAST_MIB = 64
FRAGMENTATION = 1.25
"""The memory that the allocator of Redis and Valkey takes, as a multiple of the memory used.

Both projects call up to 1.5 usual, and entries of a fixed size stay lower.
"""


@dataclass(frozen=True, slots=True)
class CacheMemory:
    """The entries alive at the planned rate, and the memory that they take.

    Each miss stores one entry, which lives for the time to live.
    """

    misses_per_s: float
    ttl_s: float
    bytes_per_item: float
    distinct_items: int | None = None

    @property
    def entries(self) -> float:
        """Misses per second × time to live, at most the number of distinct items."""
        alive = self.misses_per_s * self.ttl_s
        return alive if self.distinct_items is None else min(alive, self.distinct_items)

    @property
    def bytes(self) -> float:
        """Bytes of all entries."""
        return self.entries * self.bytes_per_item

    @property
    def max_memory_mib(self) -> int:
        """`maxmemory`, MiB."""
        return max(LEAST_MIB, math.ceil(self.bytes / BYTES_PER_MIB))

    @property
    def needed_gib(self) -> float:
        """What the machine must hold, GiB: `maxmemory` with the allocator's share."""
        return self.max_memory_mib * FRAGMENTATION * BYTES_PER_MIB / BYTES_PER_GIB
