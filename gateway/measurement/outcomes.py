"""Outcomes: what became of a unit, told after its requests, each once by its key."""

import math
from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import Final, NamedTuple

import orjson

from gateway.measurement.layout import Layout
from gateway.measurement.names import Names, key_field, unit_field
from gateway.measurement.outcomes_script import KEY_LIFE_S, KNOWN, OUTCOMES, STORED
from gateway.state.state import State

MAX_VALUE: Final = 1e6
BATCH: Final = 100


class Outcome(NamedTuple):
    """A unit's value under a metric's name; `at` is in seconds since 1970."""

    unit_hash: bytes
    metric: str
    value: float
    key: str
    at: float


class Counted(NamedTuple):
    """How many outcomes were stored, and how many were known by their keys already.

    The rest are of units or metrics of no experiment.
    """

    stored: int
    known: int


class Outcomes:
    """Writes outcomes to the experiments that need them.

    `layouts` gives the layouts of all running experiments and of those whose windows are open, by
    key and epoch.
    """

    def __init__(self, state: State, layouts: Callable[[], Mapping[tuple[str, int], Layout]], clock: Callable[[], float] = time) -> None:
        self._state, self._layouts, self._clock = state, layouts, clock

    async def add(self, outcomes: Sequence[Outcome]) -> Counted:
        """Write outcomes, durably where state can; those that were written before change nothing.

        Raises:
            StateUnavailable: some may not be written; they may all be sent again.
        """
        stored, known = set[int](), set[int]()
        for (experiment, epoch), layout in self._layouts().items():
            of_layout = [(i, outcome) for i, outcome in enumerate(outcomes) if layout.takes(outcome.metric)]
            names = Names.of(experiment, epoch, layout)
            for start in range(0, len(of_layout), BATCH):
                batch = of_layout[start : start + BATCH]
                replies = await self._write(names, layout, [outcome for _, outcome in batch])
                stored.update(i for (i, _), reply in zip(batch, replies, strict=True) if reply == STORED)
                known.update(i for (i, _), reply in zip(batch, replies, strict=True) if reply == KNOWN)
        return Counted(len(stored), len(known - stored))

    async def _write(self, names: Names, layout: Layout, outcomes: Sequence[Outcome]) -> list[int]:
        period = int(self._clock()) // KEY_LIFE_S
        places = {names.sums: 1}

        def place(key: str) -> int:
            return places.setdefault(key, len(places) + 1)

        changes = [
            [
                key_field(outcome.key),
                place(names.outcome_keys(period, outcome.key)),
                place(names.outcome_keys(period - 1, outcome.key)),
                unit_field(outcome.unit_hash),
                place(names.units(outcome.unit_hash)),
                math.floor(outcome.at),
                layout.outcome(outcome.metric, outcome.value),
            ]
            for outcome in outcomes
        ]
        argument = orjson.dumps({"layout": layout.argument, "outcomes": changes}).decode()
        return await self._state.run(OUTCOMES, list(places), [argument, 2_000 * KEY_LIFE_S], durably=True)
