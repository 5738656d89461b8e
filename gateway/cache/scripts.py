"""What must happen at once in Redis, as Lua.

A lease is a key of its own that holds the token of who computes, and expires by itself.
"""

from typing import Final

LEASE: Final = """
local value = redis.call('GET', KEYS[1])
if value and (ARGV[4] == '' or redis.sha1hex(value) ~= ARGV[4]) then return {value, false} end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[3] then return {false, holder} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {false, ARGV[1]}
"""
"""KEYS value, lease; ARGV token, life in ms, holder who has had enough time, SHA-1 of a value that
does not count → {value, holder}.
"""

LAND: Final = """
local holder = redis.call('GET', KEYS[2])
if holder == ARGV[1] then redis.call('DEL', KEYS[2])
elseif holder or redis.call('PTTL', KEYS[1]) > tonumber(ARGV[4]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
"""KEYS value, lease; ARGV token, value, life in ms, its part after the value is stale.

Who lost the lease stores only where nobody computes or has computed since: what is there, if
anything, is stale.
"""

RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
"""KEYS lease; ARGV token."""

RAISE: Final = """
local number = math.max(tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) or 0, tonumber(ARGV[2])) + 1
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', number))
return number
"""
"""KEYS generations; ARGV scope, a number that the new one is above → the new number."""

KEEP: Final = """
if (tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) or 0) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 0
"""
"""KEYS generations; ARGV scope, its number at least."""
