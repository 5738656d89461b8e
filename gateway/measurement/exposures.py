"""Exposures on their way to state: summed in bounded memory, and written every second.

A request adds to its unit's numbers here and goes on. While state is gone the numbers stay up to a
bound; the exposures of further units are then dropped and counted. A batch keeps its number until
it is acknowledged, so that it counts once however often it is sent.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import time
from typing import Final, NamedTuple

import orjson
import structlog

from gateway.errors import StateUnavailable
from gateway.measurement.exact import parts
from gateway.measurement.exposures_script import EXPOSURES, OTHER_VARIANTS
from gateway.measurement.features import DIFFERING, SHADOWED, Seen
from gateway.measurement.layout import Layout
from gateway.measurement.moments import Moments, moments_of
from gateway.measurement.names import Names, unit_field
from gateway.observability import metrics
from gateway.request.placement import Arm
from gateway.state.state import State

log = structlog.get_logger()
FLUSH_INTERVAL_S: Final = 1.0
MAX_UNITS: Final = 100_000
"""That wait to be written, in this process; each takes about half a kilobyte."""
BATCH_UNITS: Final = 100

Layouts = Callable[[str, int], Layout | None]
"""The layout of an experiment's epoch; None where there is no such experiment now."""


class _Batch(NamedTuple):
    keys: list[str]
    argument: bytes
    units: int


class _Unit(NamedTuple):
    """What is added to a unit; its first request was at `at`, in seconds since 1970."""

    variant: int
    at: int
    features: list[int]


@dataclass
class _Epoch:
    """What waits of an experiment's epoch; `sealed` are the batches that have a number already."""

    names: Names
    layout: Layout
    units: dict[bytes, _Unit] = field(default_factory=dict)
    others: dict[str, Moments] = field(default_factory=dict)
    dropped: int = 0
    sealed: deque[_Batch] = field(default_factory=deque)

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not (self.units or self.others or self.dropped or self.sealed)

    def seal(self, writer: str, numbers: Iterator[int]) -> None:
        """Make batches of what waits."""
        units = list(self.units.items())
        for start in range(0, max(len(units), bool(self.others or self.dropped)), BATCH_UNITS):
            self.sealed.append(self._batch(writer, next(numbers), units[start : start + BATCH_UNITS]))
            self.others, self.dropped = {}, 0
        self.units = {}

    def _batch(self, writer: str, number: int, units: Sequence[tuple[bytes, _Unit]]) -> _Batch:
        keys, places = [self.names.sums, self.names.writers], dict[str, int]()
        changes = [
            [unit_field(name), places.setdefault(self.names.units(name), len(keys) + len(places) + 1), *unit] for name, unit in units
        ]
        argument = {
            "layout": self.layout.argument,
            "variants": ",".join(self.layout.variants),
            "writer": writer,
            "number": number,
            "dropped": self.dropped,
            "units": changes,
            "others": {name: [moments.events, *parts(moments[1:])] for name, moments in self.others.items()},
        }
        return _Batch([*keys, *places], orjson.dumps(argument), len(units))


class Exposures:
    """What this process has seen and state does not have yet.

    `writer` is a new secret of each process, such as `secrets.token_hex(8)`. `clock` gives seconds
    since 1970.
    """

    def __init__(
        self, state: State, layouts: Layouts, writer: str, clock: Callable[[], float] = time, *, max_units: int = MAX_UNITS
    ) -> None:
        self._state, self._layouts, self._writer, self._clock, self._max_units = state, layouts, writer, clock, max_units
        self._epochs: dict[tuple[str, int], _Epoch | None] = {}
        self._waiting = 0
        # of all epochs together: one that is looked up anew must not begin again at 1
        self._numbers = count(1)
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Exposures {self._waiting} of at most {self._max_units} units wait>"

    def add(self, arms: Sequence[Arm], seen: Seen) -> None:
        """Count a request in each of its arms that counts; O(1), and never waits."""
        for arm in arms:
            epoch = self._epoch(arm) if arm.counted else None
            if epoch is not None and arm.variant in epoch.layout.variants:
                if arm.identified:
                    self._add_unit(epoch, arm, seen)
                else:
                    _add_other(epoch, arm.variant, seen)

    def compared(self, arm: Arm, items: int, differing: int) -> None:
        """Count what a shadow found of a unit's answers; the unit's request was counted before."""
        epoch = self._epoch(arm) if arm.counted and arm.identified else None
        if epoch is None or arm.variant not in epoch.layout.variants:
            return
        unit = self._unit(epoch, arm)
        if unit is not None:
            unit.features[SHADOWED] += items
            unit.features[DIFFERING] += differing

    async def flush(self) -> None:
        """Write what waits, the oldest first; while state is gone it goes on waiting."""
        async with self._turn:
            for key, epoch in list(self._epochs.items()):
                if epoch is None or epoch.empty:
                    # a definition may change, and an experiment end: it is looked up anew
                    del self._epochs[key]
                    continue
                try:
                    await self._write(epoch)
                except StateUnavailable:
                    return

    async def watch(self) -> None:
        """Write what waits every second, for ever."""
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_S)
            await self.flush()

    def _epoch(self, arm: Arm) -> _Epoch | None:
        key = arm.experiment, arm.epoch
        if key not in self._epochs:
            layout = self._layouts(*key)
            self._epochs[key] = None if layout is None else _Epoch(Names.of(*key, layout), layout)
        return self._epochs[key]

    def _add_unit(self, epoch: _Epoch, arm: Arm, seen: Seen) -> None:
        layout, unit = epoch.layout, self._unit(epoch, arm)
        if unit is None:
            epoch.dropped += 1
            metrics.DROPPED_EXPOSURES.labels(arm.experiment).inc()
        else:
            seen.add_to(unit.features, layout.thresholds_s, sampled=layout.sampled)

    def _unit(self, epoch: _Epoch, arm: Arm) -> _Unit | None:
        """What waits of a unit; None where no more units may wait."""
        unit = epoch.units.get(arm.unit_hash)
        if unit is None and self._waiting < self._max_units:
            self._waiting += 1
            unit = _Unit(epoch.layout.variants.index(arm.variant), int(self._clock()), [0] * epoch.layout.features)
            epoch.units[arm.unit_hash] = unit
        return unit

    async def _write(self, epoch: _Epoch) -> None:
        """Write the batches that are left, then what waits.

        Nothing is sealed behind a batch that is left, so that a unit that comes again while state
        is gone takes no more room.
        """
        await self._write_sealed(epoch)
        epoch.seal(self._writer, self._numbers)
        await self._write_sealed(epoch)

    async def _write_sealed(self, epoch: _Epoch) -> None:
        while epoch.sealed:
            batch = epoch.sealed[0]
            [written, _] = await self._state.run(EXPOSURES, batch.keys, [batch.argument.decode()])
            epoch.sealed.popleft()
            self._waiting -= batch.units
            if written == OTHER_VARIANTS:
                metrics.DROPPED_EXPOSURES.labels(epoch.names.experiment).inc(batch.units)
                log.error("exposures dropped, since the variants changed without a new epoch", experiment=epoch.names.experiment)


def _add_other(epoch: _Epoch, variant_name: str, seen: Seen) -> None:
    """Count a request whose unit the gateway named: a unit of one request, which has no record."""
    layout = epoch.layout
    variant, features = layout.variants.index(variant_name), [0] * layout.features
    seen.add_to(features, layout.thresholds_s, sampled=layout.sampled)
    values = [*features, *(0 if slot.feature is None else features[slot.feature] for slot in layout.slots)]
    changes = {f"a{variant}": Moments(1)}
    changes |= {f"a{variant}:{i}": moments_of(one, values) for i, one in enumerate(layout.sums)}
    for name, change in changes.items():
        if any(change):
            epoch.others[name] = epoch.others.get(name, Moments()).plus(change)
