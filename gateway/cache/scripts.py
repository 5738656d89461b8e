"""What must be atomic in Redis, as Lua.

A lease is a key of its own that holds its holder's token and expires by itself.
"""

from typing import Final

ACQUIRE_LEASE: Final = """
local value = redis.call('GET', KEYS[1])
if value and (ARGV[4] == '' or redis.sha1hex(value) ~= ARGV[4]) then return {value, false} end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[3] then return {false, holder} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {false, ARGV[1]}
"""
"""KEYS value, lease; ARGV token, life in ms, holder, SHA-1 → {value, holder}.

The lease of that holder is taken over, since it has had enough time. A value with that SHA-1 is
ignored.
"""

STORE_LEASED: Final = """
local holder = redis.call('GET', KEYS[2])
if holder == ARGV[1] then redis.call('DEL', KEYS[2])
elseif holder or redis.call('PTTL', KEYS[1]) > tonumber(ARGV[4]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
"""KEYS value, lease; ARGV token, value, life in ms, stale part of the life in ms → 1 if stored.

A holder that has lost the lease stores only if nobody computes and nobody has computed since. A
value that is still there is then stale.
"""

RELEASE_LEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
"""KEYS lease; ARGV token → 1 if the token held the lease."""

RAISE_GENERATION: Final = """
local number = math.max(tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) or 0, tonumber(ARGV[2])) + 1
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', number))
return number
"""
"""KEYS generations; ARGV scope, a number below the new one → the new number."""

KEEP_GENERATION: Final = """
if (tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) or 0) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 0
"""
"""KEYS generations; ARGV scope, the least number that it may have."""
