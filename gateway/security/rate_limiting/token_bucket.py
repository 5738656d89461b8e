"""Token buckets, as a pure rule; the script in `ledger` does the same arithmetic.

A bucket holds at most `burst` tokens and gains `rate` a second. A quota is a bucket that gains
nothing and is made anew each day. `draw` takes what is needed from all of its buckets or from none,
and beyond that as much of the extra as they hold.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Bucket(NamedTuple):
    """`tokens` that were there at `at`, seconds."""

    tokens: float
    at: float


class Draw(NamedTuple):
    """What is asked of one bucket.

    `returned` are tokens of an earlier grant that were not spent; `left` is what the bucket held
    when it was last asked.
    """

    key: str
    rate: float
    burst: float
    returned: float
    need: float
    extra: float
    left: float


class Grant(NamedTuple):
    """What a bucket granted, and what is left in it.

    `wait_s` is the time until it has what is needed: 0 if it has that now, inf if it never will.
    """

    tokens: float
    left: float
    wait_s: float


def draw(buckets: Sequence[Bucket], draws: Sequence[Draw], now: float) -> tuple[list[Bucket], list[Grant]]:
    """The buckets afterwards, and what each granted."""
    held = [
        min(want.burst, bucket.tokens + max(0.0, now - bucket.at) * want.rate + want.returned)
        for bucket, want in zip(buckets, draws, strict=True)
    ]
    waits = [_wait_s(tokens, want) for tokens, want in zip(held, draws, strict=True)]
    enough = not any(waits)
    given = [min(tokens, want.need + want.extra) if enough else 0.0 for tokens, want in zip(held, draws, strict=True)]
    given = [max(0.0, tokens) for tokens in given]
    after = [Bucket(tokens - gone, now) for tokens, gone in zip(held, given, strict=True)]
    return after, [Grant(gone, bucket.tokens, wait) for gone, bucket, wait in zip(given, after, waits, strict=True)]


def _wait_s(tokens: float, want: Draw) -> float:
    if not want.need or want.need <= tokens:
        return 0.0
    return (want.need - tokens) / want.rate if want.rate else math.inf
