"""Who was assigned in earlier epochs, read from the units' records.

A gateway reads it when an epoch opens, and goes on with the epoch before until it has. It reads
once more when the other gateways have written what they had assigned meanwhile.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from time import time
from typing import Final

import numpy as np
import structlog

from gateway.errors import StateUnavailable
from gateway.experiments.earlier_units import Codes, EarlierUnits, Hashes, code_of
from gateway.experiments.record import Epoch, Record, Stored
from gateway.measurement.layout import layout_of
from gateway.measurement.names import Names
from gateway.state.script import Hashes as StateHashes
from gateway.state.script import Script
from gateway.state.state import State

log = structlog.get_logger()
LOOK_INTERVAL_S: Final = 0.25
SETTLED_S: Final = 5.0
"""So long after an epoch opened all gateways have taken it up, and written what was before."""
_AT_ONCE: Final = 64
"""Buckets that one call reads; at a million units these hold four thousand."""

# a record begins with its variant, a small number, behind the array's header of 1 or 3 bytes
_LUA = """
local units, variants = {}, {}
for _, key in ipairs(KEYS) do
    local bucket = redis.call('HGETALL', key)
    for i = 1, #bucket, 2 do
        local record = bucket[i + 1]
        local place = record:byte(1) < 160 and 2 or 4
        units[#units + 1], variants[#variants + 1] = bucket[i], record:sub(place, place)
    end
end
return {table.concat(units, ' '), table.concat(variants)}
"""


def _rule(hashes: StateHashes, keys: Sequence[str], *_: object) -> list[bytes]:
    found = [item for key in keys for item in hashes.get(key, {}).items()]
    variants = bytes(record[1 if record[0] < 160 else 3] for _, record in found)
    return [" ".join(unit for unit, _ in found).encode(), variants]


ASSIGNED = Script(_LUA, _rule)
"""Replies with the units in the buckets, with blanks between, and with a byte for each variant."""


class KnownFromState:
    """What was read; `stored` gives the experiments of state, `clock` seconds since 1970."""

    def __init__(self, state: State, stored: Callable[[], Stored], clock: Callable[[], float] = time) -> None:
        self._state, self._stored, self._clock = state, stored, clock
        self.revision = 0
        self._units: dict[_Key, EarlierUnits] = {}
        self._read_at: dict[tuple[_Key, int], float] = {}

    def __repr__(self) -> str:
        return f"<KnownFromState {sum(map(len, self._units.values()))} units>"

    def before(self, key: str, epoch: int) -> EarlierUnits | None:
        """Who was assigned before this epoch of an experiment; None: not known yet."""
        record = self._stored().records.get(key)
        if record is None or any((_key(record), number) not in self._read_at for number in range(1, epoch)):
            return None
        return self._units[_key(record)]

    async def watch(self) -> None:
        """Look for epochs that have opened, for ever."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            await self.read()

    async def read(self) -> None:
        """Read what is not known yet; what cannot be read is tried again next time."""
        records = [record for record in self._stored().records.values() if record.epoch > 1 and record.status in ("running", "paused")]
        for record in records:
            for epoch, closed_at in _closed(record):
                read_at = self._read_at.get((_key(record), epoch.number))
                now = self._clock()
                if read_at is None or read_at < closed_at + SETTLED_S <= now:
                    try:
                        await self._read_epoch(record, epoch, now)
                    except StateUnavailable:
                        return
        self._forget(set(map(_key, records)))

    async def _read_epoch(self, record: Record, epoch: Epoch, now: float) -> None:
        names = Names.of(record.key, epoch.number, layout_of(record.definition))
        found, buckets = [], names.buckets()
        while some := list(islice(buckets, _AT_ONCE)):
            found.append(await self._read_buckets(some))
        hashes = np.concatenate([hashes for hashes, _ in found])
        codes = np.concatenate([variants for _, variants in found]) + np.uint16(code_of(epoch.number, 0))
        key = _key(record)
        before = self._units.get(key, EarlierUnits.none())
        self._units[key] = await asyncio.to_thread(before.plus, hashes, codes)
        self._read_at[key, epoch.number] = now
        self.revision += 1
        log.info("known who was assigned before", experiment=record.key, epoch=epoch.number, units=len(hashes))

    async def _read_buckets(self, keys: Sequence[str]) -> tuple[Hashes, Codes]:
        units, variants = await self._state.run(ASSIGNED, keys, [])
        # the fields are the hashes as signed numbers
        return np.fromstring(units, dtype=np.int64, sep=" ").view(np.uint64), np.frombuffer(variants, np.uint8).astype(np.uint16)

    def _forget(self, there: set["_Key"]) -> None:
        for key in self._units.keys() - there:
            del self._units[key]
            self._read_at = {read: at for read, at in self._read_at.items() if read[0] != key}


_Key = tuple[str, float]
"""An experiment's key, and when it was made: another one may have the key later."""


def _key(record: Record) -> _Key:
    return record.key, record.created_at


def _closed(record: Record) -> Iterator[tuple[Epoch, float]]:
    """The epochs before the present one, with the time when the next one opened."""
    for epoch, after in zip(record.epochs, record.epochs[1:], strict=False):
        yield epoch, after.opened_at
