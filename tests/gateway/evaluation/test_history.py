"""Which looks are kept, and what of them."""

from itertools import pairwise

import pytest

from gateway.evaluation import history
from gateway.fakes.state import FakeState


def looks_of(days):
    """When looks are kept of an experiment that is looked at every three seconds."""
    kept, now = [], 0.0
    while now < days * 86_400:
        if history.is_due(0.0, kept[-1] if kept else None, now):
            kept.append(now)
        now += 3
    return kept


def test_looks_are_many_at_first_and_never_too_many():
    kept = looks_of(10)
    assert kept[:3] == [0, 12, 24]
    assert max(later - earlier for earlier, later in pairwise(kept)) <= 0.01 * 10 * 86_400 + 3
    assert len(kept) < 800


@pytest.mark.parametrize("at", [100.0, 100.4])
async def test_a_look_is_kept_once_in_a_second_and_read_in_order(at):
    state = FakeState()
    for look in (
        history.Look(at, 5, {"click": {"b": [0.1, 0.2, None]}}, {}),
        history.Look(20.0, 1, {}, {}),
        history.Look(100.1, 9, {}, {}),
    ):
        await history.keep(state, "lora", look)
    assert [(look.at, look.units) for look in await history.kept(state, "lora")] == [(20.0, 1), (at, 5)]
    assert (await history.kept(state, "lora"))[1].difference == {"click": {"b": [0.1, 0.2, None]}}
    assert await history.kept(state, "other") == []
