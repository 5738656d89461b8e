"""Which requests are sent, in which order. Pure: the same plan and corpus give the same requests.

A unique text is a corpus text with the salt and a counter appended, so no cache can have seen it. A repeated text is drawn from a
pool that is sent once before the measurement, so the cache has it. The share of repeats is therefore the hit rate that is offered.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import NamedTuple

from loadtest.plan import Plan

POOL_SIZE = 64
"""How many texts the repeats are drawn from."""


class Request(NamedTuple):
    """One request: its texts, how many of them are repeats, and who it is sent for."""

    texts: tuple[str, ...]
    repeats: int
    unit_id: str


def warm_pool(plan: Plan, corpus: Sequence[str]) -> tuple[str, ...]:
    """The texts that repeats are drawn from; none where the plan has no repeats."""
    if plan.repeat == 0:
        return ()
    random = Random(f"{plan.seed} pool")  # noqa: S311 - reproducible, not secret
    return tuple(f"{random.choice(corpus)} {plan.salt}p{index}" for index in range(POOL_SIZE))


def requests(plan: Plan, corpus: Sequence[str]) -> Iterator[Request]:
    """The requests in the order in which they are sent, without end."""
    random = Random(f"{plan.seed} requests")  # noqa: S311 - reproducible, not secret
    pool = warm_pool(plan, corpus)
    counter = count()
    while True:
        texts = []
        repeats = 0
        for _ in range(plan.batch_size):
            if random.random() < plan.repeat:
                texts.append(random.choice(pool))
                repeats += 1
            else:
                texts.append(f"{random.choice(corpus)} {plan.salt}u{next(counter)}")
        yield Request(tuple(texts), repeats, f"unit-{random.randrange(plan.units)}")
