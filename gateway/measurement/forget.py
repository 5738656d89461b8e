"""What was measured of an experiment's epoch is deleted.

That is so when the experiment is deleted and, since a gateway may die meanwhile, again before an
epoch of the same number opens: nothing of another experiment with the same key is ever counted.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from gateway.experiments.definition import Definition
from gateway.measurement.layout import layout_of
from gateway.measurement.names import KEY_BUCKETS, Names, looks_of, shadow_names
from gateway.measurement.outcomes_script import KEY_LIFE_S
from gateway.state.script import Hashes, Script
from gateway.state.state import State


def _delete(hashes: Hashes, keys: Sequence[str], *_: object) -> list[int]:
    return [sum(hashes.pop(key, None) is not None for key in keys)]


DELETE = Script("return {redis.call('UNLINK', unpack(KEYS))}", _delete)
"""Replies how many of the keys there were."""


async def forget(state: State, names: Names, now: float) -> None:
    """Delete everything that is kept of an experiment's epoch.

    Raises:
        StateUnavailable: some of it may be left.
    """
    every = _all_names(names, int(now) // KEY_LIFE_S)
    while some := list(islice(every, 1000)):
        await state.run(DELETE, some, [])


def _all_names(names: Names, period: int) -> Iterator[str]:
    yield from names.buckets()
    for number in range(KEY_BUCKETS):
        yield names.key_bucket(period, number)
        yield names.key_bucket(period - 1, number)
    yield names.writers
    yield names.sums


async def forget_epoch(state: State, now: float, definition: Definition, epoch: int) -> None:
    """Delete what was measured of an experiment's epoch; with the first one what looks and shadows
    showed, too.

    Raises:
        StateUnavailable: some of it may be left.
    """
    await forget(state, Names.of(definition.key, epoch, layout_of(definition)), now)
    if epoch == 1:
        await state.run(DELETE, [looks_of(definition.key), *shadow_names(definition.key)], [])
