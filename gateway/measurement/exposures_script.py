"""One batch of a writer's exposures: what units' requests add to their records and to the sums.

A batch that comes again, since its writer does not know whether it was written, changes nothing.
"""

from collections.abc import Sequence

import orjson

from gateway.measurement.lua import LIBRARY
from gateway.measurement.steps import Sums, changed_record
from gateway.state.script import Hashes, Script

VARIANTS = "variants"
"""The field of the sums that names the epoch's variants in their order, with commas between."""
OTHER_VARIANTS = -1
DROPPED = "dropped"
"""The field of the sums that counts the exposures that were not written while state was gone."""

# KEYS: sums, writers, the units' buckets
# ARGV: JSON of layout, variants, writer, number, dropped, units: [field, key's index, variant,
#       time, features], others: {field: moments in parts}
_LUA = f"""{LIBRARY}
if given.number <= tonumber(redis.call('HGET', KEYS[2], given.writer) or 0) then return {{0, 0}} end
redis.call('HSETNX', KEYS[1], '{VARIANTS}', given.variants)
if redis.call('HGET', KEYS[1], '{VARIANTS}') ~= given.variants then return {{{OTHER_VARIANTS}, 0}} end
redis.call('HSET', KEYS[2], given.writer, string.format('%.0f', given.number))
if given.dropped > 0 then redis.call('HINCRBY', KEYS[1], '{DROPPED}', given.dropped) end
local new = 0
for _, unit in ipairs(given.units) do
    local raw = redis.call('HGET', KEYS[unit[2]], unit[1])
    local before = unpack_to(raw, layout.size + 2)
    local after = copied(before)
    if not raw then
        after[1], after[2] = unit[3], unit[4]
        new = new + 1
    end
    for i, amount in ipairs(unit[5]) do after[i + 2] = after[i + 2] + amount end
    for _, slot in ipairs(layout.slots) do
        if slot[3] == 0 or unit[4] - after[2] <= slot[3] then after[slot[1] + 2] = after[slot[1] + 2] + unit[5][slot[2]] end
    end
    add_differences(before, after)
    redis.call('HSET', KEYS[unit[2]], unit[1], pack(after))
end
for field, sum in pairs(given.others) do
    add(field, 1, sum[1], 0)
    for place = 2, 18, 2 do add(field, place, sum[place], sum[place + 1]) end
end
write_sums(KEYS[1])
return {{1, new}}
"""


def _rule(hashes: Hashes, keys: Sequence[str], arguments: Sequence[str | float], _now_s: float) -> list[int]:
    given = orjson.loads(str(arguments[0]))
    layout = given["layout"]
    writers = hashes.setdefault(keys[1], {})
    if given["number"] <= int(writers.get(given["writer"], 0)):
        return [0, 0]
    kept = hashes.setdefault(keys[0], {})
    if kept.setdefault(VARIANTS, given["variants"].encode()) != given["variants"].encode():
        return [OTHER_VARIANTS, 0]
    writers[given["writer"]] = b"%d" % given["number"]
    if given["dropped"]:
        kept[DROPPED] = b"%d" % (int(kept.get(DROPPED, 0)) + given["dropped"])
    sums, new = Sums(layout), 0
    for field, place, variant, at, features in given["units"]:
        bucket = hashes.setdefault(keys[place - 1], {})
        before, after = changed_record(bucket.get(field), layout["size"])
        if field not in bucket:
            after.variant, after.first = variant, at
            new += 1
        for i, amount in enumerate(features):
            after.values[i] += amount
        for slot, feature, window in layout["slots"]:
            if window == 0 or at - after.first <= window:
                after.values[slot - 1] += features[feature - 1]
        sums.move(before, after)
        bucket[field] = after.packed()
    for field, split in given["others"].items():
        sums.add_parts(field, split)
    sums.write(kept)
    return [1, new]


EXPOSURES = Script(_LUA, _rule)
"""Replies whether the batch was new, and how many units were.

`OTHER_VARIANTS`: the epoch has other variants than the batch, which is not written.
"""
