"""Outcomes of units: each counts once, by its key, whenever it comes and in whatever order."""

from collections.abc import Sequence
from typing import Final

import orjson

from gateway.measurement.lua import LIBRARY
from gateway.measurement.steps import Sums, changed_record
from gateway.state.script import Hashes, Script

STORED, KNOWN, UNIT_UNKNOWN = 0, 1, 2
KEY_LIFE_S: Final = 30 * 86_400
"""An outcome's key is remembered for at least so long."""

# KEYS: sums, then the buckets of units and keys
# ARGV: JSON of layout and outcomes: [field of its key, indexes of the buckets of keys of this
#       period and of the one before, field of the unit, index of its bucket, time, changes:
#       [index of the value, amount, whether it is a flag, window]]; ms that a period's keys are
#       kept, from the first one on
_LUA = f"""{LIBRARY}
local replies = {{}}
for n, outcome in ipairs(given.outcomes) do
    local key, unit, bucket, at = outcome[1], outcome[4], KEYS[outcome[5]], outcome[6]
    local raw = redis.call('HGET', bucket, unit)
    if redis.call('HEXISTS', KEYS[outcome[2]], key) == 1 or redis.call('HEXISTS', KEYS[outcome[3]], key) == 1 then
        replies[n] = {KNOWN}
    elseif not raw then
        replies[n] = {UNIT_UNKNOWN}
    else
        local before = unpack_to(raw, layout.size + 2)
        local after = copied(before)
        for _, change in ipairs(outcome[7]) do
            local age, window = at - after[2], change[4]
            if (window < 0 and age < 0) or (window >= 0 and age >= 0 and (window == 0 or age <= window)) then
                after[change[1] + 2] = change[3] == 1 and 1 or after[change[1] + 2] + change[2]
            end
        end
        add_differences(before, after)
        redis.call('HSET', bucket, unit, pack(after))
        redis.call('HSET', KEYS[outcome[2]], key, '')
        if redis.call('HLEN', KEYS[outcome[2]]) == 1 then redis.call('PEXPIRE', KEYS[outcome[2]], ARGV[2]) end
        replies[n] = {STORED}
    end
end
write_sums(KEYS[1])
return replies
"""


def _rule(hashes: Hashes, keys: Sequence[str], arguments: Sequence[str | float], _now_s: float) -> list[int]:
    given = orjson.loads(str(arguments[0]))
    layout, sums = given["layout"], Sums(given["layout"])
    replies = []
    for key, now, before_now, unit, place, at, changes in given["outcomes"]:
        bucket = hashes.get(keys[place - 1], {})
        if any(key in hashes.get(keys[name - 1], {}) for name in (now, before_now)):
            replies.append(KNOWN)
        elif unit not in bucket:
            replies.append(UNIT_UNKNOWN)
        else:
            before, after = changed_record(bucket[unit], layout["size"])
            for index, amount, flag, window in changes:
                if _counts(at - after.first, window):
                    after.values[index - 1] = 1 if flag else after.values[index - 1] + amount
            sums.move(before, after)
            bucket[unit] = after.packed()
            hashes.setdefault(keys[now - 1], {})[key] = b""
            replies.append(STORED)
    sums.write(hashes.setdefault(keys[0], {}))
    return replies


def _counts(age_s: int, window: int) -> bool:
    return age_s < 0 if window < 0 else age_s >= 0 and (window == 0 or age_s <= window)


OUTCOMES = Script(_LUA, _rule)
"""Replies of each outcome whether it is stored now, was known by its key, or its unit is not known.

A unit that is not known has not been exposed, or its exposure is not written yet; such an outcome
changes nothing, and its key is not remembered.
"""
