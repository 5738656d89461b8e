"""Where tokens are counted: in state for all workers and replicas, or in this process alone."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.security.rate_limiting.token_bucket import Bucket, Draw, Grant, draw
from gateway.state.script import Hashes, Script
from gateway.state.state import State

MAX_LOCAL_BUCKETS = 100_000
_QUOTA_LIFE_S = 2 * 86_400
# does what `token_bucket.draw` does, by the server's clock; for each key ARGV has rate, burst,
# returned, need, extra and life in ms
_DRAW_LUA = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local held, waits, enough = {}, {}, true
for i, key in ipairs(KEYS) do
    local at = (i - 1) * 6
    local rate, burst = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local need = tonumber(ARGV[at + 4])
    local bucket = redis.call('HMGET', key, 'tokens', 'at')
    local tokens = tonumber(bucket[1] or burst)
    local since = tonumber(bucket[2] or now)
    held[i] = math.min(burst, tokens + math.max(0, now - since) * rate + tonumber(ARGV[at + 3]))
    waits[i] = 0
    if need > 0 and need > held[i] then
        enough = false
        waits[i] = rate > 0 and (need - held[i]) / rate or -1
    end
end
local answer = {}
for i, key in ipairs(KEYS) do
    local at = (i - 1) * 6
    local given = 0
    if enough then given = math.max(0, math.min(held[i], tonumber(ARGV[at + 4]) + tonumber(ARGV[at + 5]))) end
    local left = held[i] - given
    redis.call('HSET', key, 'tokens', string.format('%.6f', left), 'at', string.format('%.6f', now))
    redis.call('PEXPIRE', key, ARGV[at + 6])
    answer[#answer + 1] = string.format('%.6f', given)
    answer[#answer + 1] = string.format('%.6f', left)
    answer[#answer + 1] = string.format('%.6f', waits[i])
end
return answer
"""
_DRAW_ARGUMENTS = 6


def _draw_here(hashes: Hashes, keys: Sequence[str], arguments: Sequence[str | float], now: float) -> list[bytes]:
    """`_DRAW_LUA` as a rule, without the keys' lives: a bucket that is forgotten is a full one."""
    draws = []
    for i, key in enumerate(keys):
        rate, burst, returned, need, extra, _ = map(float, arguments[i * _DRAW_ARGUMENTS : (i + 1) * _DRAW_ARGUMENTS])
        draws.append(Draw(key, rate, burst, returned, need, extra, left=burst))
    held = [hashes.get(want.key, {}) for want in draws]
    buckets = [
        Bucket(float(bucket.get("tokens", want.burst)), float(bucket.get("at", now))) for bucket, want in zip(held, draws, strict=True)
    ]
    after, grants = draw(buckets, draws, now)
    hashes.update(
        (want.key, {"tokens": b"%.6f" % bucket.tokens, "at": b"%.6f" % bucket.at}) for want, bucket in zip(draws, after, strict=True)
    )
    return [b"%.6f" % (-1 if math.isinf(part) else part) for grant in grants for part in grant]


DRAW = Script(_DRAW_LUA, _draw_here)
"""`token_bucket.draw` in state: given, left and wait (-1: for ever) of each bucket."""


class Ledger(Protocol):
    """Counts tokens."""

    async def draw(self, draws: Sequence[Draw]) -> list[Grant]:
        """What each bucket grants: every bucket what is needed of it, or none anything."""


class RedisLedger:
    """Counts in state, in one round trip a draw.

    The buckets of a draw must lie in one slot of a cluster: their keys have the tenant in braces.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    async def draw(self, draws: Sequence[Draw]) -> list[Grant]:
        """As `Ledger.draw`.

        Raises:
            StateUnavailable: state does not answer in time.
        """
        arguments = [value for want in draws for value in (want.rate, want.burst, want.returned, want.need, want.extra, _life_ms(want))]
        answer = [float(value) for value in await self._state.run(DRAW, [want.key for want in draws], arguments)]
        return [
            Grant(given, left, math.inf if wait_s < 0 else wait_s)
            for given, left, wait_s in zip(answer[::3], answer[1::3], answer[2::3], strict=True)
        ]


class LocalLedger:
    """Counts in this process; a bucket begins with what it held when state was last asked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    async def draw(self, draws: Sequence[Draw]) -> list[Grant]:
        """As `Ledger.draw`; never fails."""
        now = self._clock()
        buckets = [self._buckets.get(want.key, Bucket(want.left, now)) for want in draws]
        after, grants = draw(buckets, draws, now)
        while len(self._buckets) > MAX_LOCAL_BUCKETS:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets.update((want.key, bucket) for want, bucket in zip(draws, after, strict=True))
        return grants

    def forget(self) -> None:
        """Forget the buckets, because state counts again."""
        self._buckets.clear()


def _life_ms(want: Draw) -> int:
    """How long state keeps a bucket: until it would be full, or its day is over for certain."""
    return int(1e3 * (want.burst / want.rate + 1 if want.rate else _QUOTA_LIFE_S))
