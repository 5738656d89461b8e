import hashlib
import random
import tracemalloc
from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.entry import Entry
from gateway.cache.memory_tier import OVERHEAD_BYTES, SLOT_BYTES, MemoryTier

NOW = 1000.0


def key(i):
    return b"headrace:" + hashlib.blake2b(b"%d" % i, digest_size=16).digest()


def entry(size=36, fresh_until_s=NOW + 1e6):
    return Entry(NOW, fresh_until_s, bytes(size))


def test_entry_is_found_until_its_life_is_over():
    tier = MemoryTier(2**20, life_s=5)
    tier.put(key(1), entry(), NOW)
    assert tier.get(key(1), NOW + 4.9) == entry()
    assert tier.get(key(1), NOW + 5) is None
    assert len(tier) == 0


def test_entry_is_not_found_when_it_is_no_longer_fresh():
    tier = MemoryTier(2**20, life_s=60)
    tier.put(key(1), entry(fresh_until_s=NOW + 1), NOW)
    assert tier.get(key(1), NOW + 0.9) is not None
    assert tier.get(key(1), NOW + 1) is None


def test_newer_entry_replaces_the_older_one():
    tier = MemoryTier(2**20, life_s=60)
    tier.put(key(1), entry(5000), NOW)
    tier.put(key(1), entry(10), NOW)
    assert (tier.get(key(1), NOW), tier.held_bytes) == (entry(10), SLOT_BYTES)


def test_keys_that_agree_in_their_last_bytes_are_told_apart():
    tier = MemoryTier(2**20, life_s=60)
    one, other = b"headrace:" + bytes(8) + b"sameends", b"headrace:" + bytes([1]) * 8 + b"sameends"
    tier.put(one, entry(1), NOW)
    assert tier.get(other, NOW) is None
    tier.put(other, entry(2), NOW)
    assert (tier.get(one, NOW), tier.get(other, NOW)) == (None, entry(2))


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([1, 400, 1500, 4000, 9000])), max_size=200), st.integers(20, 80))
def test_entries_never_take_more_bytes_than_allowed(puts, slots):
    tier = MemoryTier(slots * SLOT_BYTES, life_s=60)
    sizes = {}
    for i, size in puts:
        sizes[i] = size
        tier.put(key(i), entry(size), NOW)
        held = {i: found for i in sizes if (found := tier.get(key(i), NOW))}
        assert sum(len(found.row) + OVERHEAD_BYTES for found in held.values()) <= tier.held_bytes <= slots * SLOT_BYTES
        assert all(len(found.row) == sizes[i] for i, found in held.items())
        assert len(held) == len(tier)


def test_the_memory_of_the_process_stays_within_the_bound():
    max_bytes = 4 * 2**20
    tracemalloc.start()
    try:
        tier = MemoryTier(max_bytes, life_s=60)
        for i in range(20_000):
            tier.put(key(i), Entry(NOW + i, NOW + 1e6 + i, bytes(36)), NOW)
        assert tracemalloc.get_traced_memory()[0] < max_bytes
        assert len(tier) > 0.9 * max_bytes / SLOT_BYTES
    finally:
        tracemalloc.stop()


def test_the_hit_rate_is_higher_than_that_of_lru_eviction():
    slots, items = 200, 20_000
    popularity = [1 / rank for rank in range(1, items + 1)]
    asked = random.Random(0).choices(range(items), popularity, k=30_000)
    tier, recent, hits, recent_hits = MemoryTier(slots * SLOT_BYTES, life_s=60), OrderedDict(), 0, 0
    for i in asked:
        if tier.get(key(i), NOW):
            hits += 1
        else:
            tier.put(key(i), entry(), NOW)
        recent_hits += i in recent
        recent[i] = None
        recent.move_to_end(i)
        if len(recent) > slots:
            recent.popitem(last=False)
    assert hits > 1.1 * recent_hits


def test_entry_that_would_fill_the_tier_is_not_held():
    tier = MemoryTier(16 * SLOT_BYTES, life_s=60)
    tier.put(key(1), entry(10 * SLOT_BYTES), NOW)
    assert len(tier) == 0
