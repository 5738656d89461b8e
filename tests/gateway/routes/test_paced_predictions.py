import asyncio

import pytest
from virtual_time import run

from gateway.concurrency.pace import Pace
from gateway.errors import InvalidRequest, Overloaded
from gateway.routes.paced_predictions import PAUSE_S, PacedPredictions

TIMEOUT_S = 1.0
LANE, CTX = object(), object()
"""They are handed on, and nothing looks into them."""


class Model:
    """Sheds as often as it is told, then answers; `calls` are (items, time, deadline)."""

    def __init__(self, sheds=0, takes_s=0.0, error=None):
        self.sheds, self.takes_s, self.error = sheds, takes_s, error
        self.calls = []
        self.at_once = self.most_at_once = 0

    async def predict(self, lane, items, ctx, deadline):
        self.calls.append((items, asyncio.get_running_loop().time(), deadline))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.takes_s)
            if self.sheds:
                self.sheds -= 1
                raise Overloaded("too many wait")
            if self.error:
                raise self.error
            return f"prediction of {items}"
        finally:
            self.at_once -= 1


def test_what_was_shed_is_asked_again_after_a_pause_with_the_same_deadline():
    async def scenario():
        model, pace = Model(sheds=2), Pace(4)
        assert await PacedPredictions(model.predict, pace, TIMEOUT_S).predict(LANE, "a", CTX) == "prediction of a"
        assert model.calls == [("a", pytest.approx(attempt * PAUSE_S), TIMEOUT_S) for attempt in range(3)]
        assert pace.held == 0

    run(scenario())


def test_shedding_lowers_the_pace_and_answers_raise_it():
    async def scenario():
        model, pace = Model(sheds=4, takes_s=0.1), Pace(8)
        paced = PacedPredictions(model.predict, pace, TIMEOUT_S)
        await asyncio.gather(*(paced.predict(LANE, str(number), CTX) for number in range(4)))
        assert pace.limit < 8
        before = pace.limit
        await paced.predict(LANE, "one more", CTX)
        assert pace.limit > before

    run(scenario())


def test_no_more_are_asked_at_once_than_the_pace_allows():
    async def scenario():
        model = Model(takes_s=0.1)
        paced = PacedPredictions(model.predict, Pace(2), TIMEOUT_S)
        await asyncio.gather(*(paced.predict(LANE, str(number), CTX) for number in range(6)))
        assert (len(model.calls), model.most_at_once) == (6, 2)

    run(scenario())


def test_the_time_of_items_begins_with_their_first_attempt():
    async def scenario():
        model = Model(takes_s=0.4)
        paced = PacedPredictions(model.predict, Pace(1), TIMEOUT_S)
        await asyncio.gather(paced.predict(LANE, "a", CTX), paced.predict(LANE, "b", CTX))
        assert model.calls == [("a", 0.0, TIMEOUT_S), ("b", 0.4, 0.4 + TIMEOUT_S)]

    run(scenario())


def test_items_that_are_shed_until_their_time_is_over_fail():
    async def scenario():
        model, pace = Model(sheds=1000), Pace(4)
        with pytest.raises(Overloaded):
            await PacedPredictions(model.predict, pace, TIMEOUT_S).predict(LANE, "a", CTX)
        assert TIMEOUT_S - 2 * PAUSE_S <= asyncio.get_running_loop().time() < TIMEOUT_S
        assert pace.held == 0

    run(scenario())


def test_another_error_is_raised_at_once_and_gives_the_turn_back():
    async def scenario():
        model, pace = Model(error=InvalidRequest("no")), Pace(4)
        with pytest.raises(InvalidRequest):
            await PacedPredictions(model.predict, pace, TIMEOUT_S).predict(LANE, "a", CTX)
        assert (len(model.calls), pace.held, pace.limit) == (1, 0, 4.0)

    run(scenario())
