"""Looks at an experiment: its sums read from state, and the least p-value of all looks kept there.

The test of the sample ratio may be looked at at any time, if what a look once found is not
forgotten at the next.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gateway.evaluation.arms import MeasuredEpoch
from gateway.evaluation.found import Results
from gateway.evaluation.ramping import ramp_look
from gateway.evaluation.results import Subject, evaluated
from gateway.experiments.definition import Definition
from gateway.experiments.ramp import looked_at
from gateway.experiments.record import Epoch, Record
from gateway.measurement.layout import Layout, layout_of
from gateway.measurement.names import Names, looks_of
from gateway.measurement.running_sums import read_sums
from gateway.state.script import Hashes, Script
from gateway.state.state import State

LEAST_P = "least_p"
_LUA = f"""
local least = redis.call('HGET', KEYS[1], '{LEAST_P}')
if not least or tonumber(ARGV[1]) < tonumber(least) then redis.call('HSET', KEYS[1], '{LEAST_P}', ARGV[1]) end
return {{redis.call('HGET', KEYS[1], '{LEAST_P}')}}
"""


def _keep_here(hashes: Hashes, keys: Sequence[str], arguments: Sequence[str | float], _now_s: float) -> list[bytes]:
    kept, given = hashes.setdefault(keys[0], {}), str(arguments[0]).encode()
    kept[LEAST_P] = min(kept.get(LEAST_P, given), given, key=float)
    return [kept[LEAST_P]]


KEEP_LEAST = Script(_LUA, _keep_here)
"""Keeps a p-value where it is the least so far; replies with the one that is kept."""


async def results_of(state: State, one: Record | Definition, now: float, *, fixed_horizon: bool = False) -> Results:
    """The results of an experiment of state, or of the file, which runs in one epoch.

    With `fixed_horizon`, what one look at the planned end would say stands beside them.

    Raises:
        StateUnavailable: state does not answer.
    """
    if isinstance(one, Definition):
        subject = Subject(one, "running", 1, None)
        return await _look(state, subject, [Epoch.of(1, 0.0, one)], now, fixed_horizon=fixed_horizon)
    subject = Subject(one.definition, one.status, one.epoch, one.started_at, one.stopped_at)
    found = await _look(state, subject, one.epochs, now, fixed_horizon=fixed_horizon)
    if one.definition.ramp is None or one.ramp is None:
        return found
    _, where = looked_at(one.definition.ramp, one.ramp, ramp_look(found), now)
    return replace(found, ramp=where)


async def measured(state: State, definition: Definition, layout: Layout, epochs: Sequence[Epoch]) -> list[MeasuredEpoch]:
    """What was measured in each epoch.

    Raises:
        StateUnavailable: state does not answer.
    """
    return [
        MeasuredEpoch(epoch.number, epoch.weights, await read_sums(state, Names.of(definition.key, epoch.number, layout), layout))
        for epoch in epochs
    ]


async def _look(state: State, subject: Subject, epochs: Sequence[Epoch], now: float, *, fixed_horizon: bool) -> Results:
    layout = layout_of(subject.definition)
    sums = await measured(state, subject.definition, layout, epochs)
    looks = looks_of(subject.definition.key)
    found = evaluated(subject, layout, sums, 1.0, now)
    [least] = await state.run(KEEP_LEAST, [looks], [f"{found.sample_ratio.p_value:.17g}"])
    least_p = min(float(least), found.sample_ratio.p_value)
    if fixed_horizon:
        # tea-tasting takes its time
        return await asyncio.to_thread(evaluated, subject, layout, sums, least_p, now, fixed_horizon=True)
    return found if least_p == found.sample_ratio.p_value else evaluated(subject, layout, sums, least_p, now)
