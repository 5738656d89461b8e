"""The running sums made anew of the units' records, to show that they are right, bit for bit."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from gateway.measurement.layout import Layout
from gateway.measurement.moments import Moments
from gateway.measurement.names import Names
from gateway.measurement.running_sums import RunningSums, read_sums
from gateway.measurement.unit_record import UnitRecord
from gateway.state.script import Hashes, Script
from gateway.state.state import State

_AT_ONCE: Final = 64
"""Buckets that one call reads; at a million units these hold four thousand records."""
_RECORDS_LUA = """
local records = {}
for _, key in ipairs(KEYS) do
    for _, record in ipairs(redis.call('HVALS', key)) do records[#records + 1] = record end
end
return records
"""


def _records(hashes: Hashes, keys: Sequence[str], *_: object) -> list[bytes]:
    return [record for key in keys for record in hashes.get(key, {}).values()]


RECORDS = Script(_RECORDS_LUA, _records)
"""Replies with the records of all units in the buckets."""


class Checked(NamedTuple):
    """What a check found: the units read, and (kept, made anew) of each sum that differs.

    With `moved`, something was written meanwhile, so that a difference says nothing.
    """

    units: int
    differing: Mapping[str, tuple[Moments, Moments]]
    moved: bool

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        if not self.differing:
            return f"the sums are those of the {self.units} units' records, bit for bit"
        if self.moved:
            return "units were written while they were read; check again when the experiment is paused or stopped"
        return f"{len(self.differing)} sums are not those of the {self.units} units' records: {', '.join(sorted(self.differing)[:5])}"


async def rebuilt(state: State, names: Names, layout: Layout) -> RunningSums:
    """The sums over the identified units, made of their records.

    Raises:
        StateUnavailable: state does not answer.
    """
    [sums] = await divided(state, names, layout, 1, lambda _: 0)
    return sums


async def divided(state: State, names: Names, layout: Layout, parts: int, part_of: Callable[[UnitRecord], int]) -> list[RunningSums]:
    """The sums over each of the parts that the identified units are divided into.

    Raises:
        StateUnavailable: state does not answer.
    """
    found, buckets = [RunningSums(layout, variants=layout.variants) for _ in range(parts)], names.buckets()

    def add(records: Sequence[bytes]) -> None:
        for raw in records:
            record = UnitRecord.unpacked(raw, layout.size)
            found[part_of(record)].add(record)

    while some := list(islice(buckets, _AT_ONCE)):
        # beside the event loop, which answers requests meanwhile
        await asyncio.to_thread(add, await state.run(RECORDS, some, []))
    return found


async def check(state: State, names: Names, layout: Layout) -> Checked:
    """Compare the running sums of identified units with those made anew; raises as `rebuilt`."""
    before = await read_sums(state, names, layout)
    anew = await rebuilt(state, names, layout)
    after = await read_sums(state, names, layout)
    kept = {name: moments for name, moments in before.fields.items() if not name.startswith("a")}
    none = Moments()
    differing = {
        name: (found, made)
        for name in sorted({*kept, *anew.fields})
        if (found := kept.get(name, none)) != (made := anew.fields.get(name, none))
    }
    units = sum(anew.units(variant) for variant in range(len(layout.variants)))
    return Checked(units, differing, before.fields != after.fields)
