"""The right to lead, which one process holds at a time, and which a token proves that only the
holder has.

The server's clock decides when a lease ends, so it does no harm when the clocks of the processes
differ. A holder may be stopped for longer than its lease lasts, and then go on writing while
another leads. Therefore each holder gets a fence, a number greater than those of all holders before
it. Leaders write their fence beside each value. A leader that finds a value with a greater fence
than its own has been overtaken, and stops.
"""

from collections.abc import Sequence
from typing import Any

from gateway.state.script import Hashes, Script
from gateway.state.state import State

# KEYS: the lease, a hash of token, until (ms since 1970 by the server's clock) and fence
# ARGV: token, life in ms
_NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lease = redis.call('HMGET', KEYS[1], 'token', 'until', 'fence')
local fence = tonumber(lease[3] or 0)
local holder = lease[1] and tonumber(lease[2]) > now and lease[1]
"""
_TAKE_LUA = f"""{_NOW}
if holder and holder ~= ARGV[1] then return {{0}} end
if not holder then fence = fence + 1 end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]), 'fence', fence)
return {{fence}}
"""
_RENEW_LUA = f"""{_NOW}
if holder ~= ARGV[1] then return {{0}} end
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[2]))
return {{fence}}
"""
_GIVE_UP_LUA = f"""{_NOW}
if holder ~= ARGV[1] then return {{0}} end
redis.call('HDEL', KEYS[1], 'token', 'until')
return {{fence}}
"""


class _Held:
    """A lease as the rules see it."""

    def __init__(self, hashes: Hashes, keys: Sequence[str], arguments: Sequence[str | float], now_s: float) -> None:
        self.fields = hashes.setdefault(keys[0], {})
        self.token = str(arguments[0]).encode()
        now_ms = int(1e3 * now_s)
        self.until = b"%d" % (now_ms + int(arguments[1]))
        self.fence = int(self.fields.get("fence", 0))
        self.holder = self.fields.get("token") if int(self.fields.get("until", 0)) > now_ms else None


def _take(*given: Any) -> list[int]:
    lease = _Held(*given)
    if lease.holder not in (None, lease.token):
        return [0]
    fence = lease.fence + (lease.holder is None)
    lease.fields.update(token=lease.token, until=lease.until, fence=b"%d" % fence)
    return [fence]


def _renew(*given: Any) -> list[int]:
    lease = _Held(*given)
    if lease.holder != lease.token:
        return [0]
    lease.fields["until"] = lease.until
    return [lease.fence]


def _give_up(*given: Any) -> list[int]:
    lease = _Held(*given)
    if lease.holder != lease.token:
        return [0]
    del lease.fields["token"], lease.fields["until"]
    return [lease.fence]


TAKE, RENEW, GIVE_UP = Script(_TAKE_LUA, _take), Script(_RENEW_LUA, _renew), Script(_GIVE_UP_LUA, _give_up)


class Lease:
    """The lease `name` for the process with this `token`; each method raises as state does.

    The token is a new secret of each process, such as `secrets.token_hex()`. The lease ends
    `life_s` seconds after it was last taken or renewed. A holder counts them from before it asked,
    and stops leading in time.
    """

    def __init__(self, state: State, name: str, token: str, life_s: float) -> None:
        self._state, self._key, self._token = state, f"headrace:lease:{name}", token
        self._life_ms = max(1, int(1e3 * life_s))

    def __repr__(self) -> str:
        return f"<Lease {self._key}, {self._life_ms} ms>"

    async def take(self) -> int | None:
        """Take the lease: its fence, from 1 on; None where another process holds it.

        A holder that takes its lease again keeps its fence.
        """
        return await self._run(TAKE) or None

    async def renew(self) -> bool:
        """Hold the lease for another life; whether it was still held."""
        return await self._run(RENEW) > 0

    async def give_up(self) -> bool:
        """Let others take the lease at once; whether it was still held."""
        return await self._run(GIVE_UP) > 0

    async def _run(self, script: Script) -> int:
        [fence] = await self._state.run(script, [self._key], [self._token, self._life_ms])
        return int(fence)
