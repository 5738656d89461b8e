"""Predictions for a client that can wait: its calls come at the pace that the model's queue admits.

A call that the queue sheds is made again, so the client sees nothing of it until its time is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gateway.concurrency.pace import Pace
from gateway.errors import Overloaded
from gateway.lane import Lane
from gateway.request.context import RequestContext
from gateway.request.prediction import Item, Prediction

PAUSE_S = 0.02
"""Seconds between an attempt that was shed and the next one."""

Predict = Callable[[Lane, Sequence[Item], RequestContext, float], Awaitable[Prediction]]
"""Items, their context and their deadline on the event loop's clock → their prediction by the
lane's version.
"""


class PacedPredictions:
    """Makes as many calls of `predict` at once as `pace` allows, and calls again for shed items.

    `timeout_s` bounds all attempts for the same items together; it begins with the first one.
    """

    def __init__(self, predict: Predict, pace: Pace, timeout_s: float) -> None:
        self._predict, self._pace, self._timeout_s = predict, pace, timeout_s

    async def predict(self, lane: Lane, items: Sequence[Item], ctx: RequestContext) -> Prediction:
        """The prediction for items, and `ctx.computed` of all attempts where there is none.

        Raises:
            Overloaded: the items were shed until their time was over.
            GatewayError: as `predict`.
        """
        clock = asyncio.get_running_loop().time
        await self._pace.begin()
        deadline = clock() + self._timeout_s
        while True:
            try:
                return await self._attempt(lane, items, ctx, deadline)
            except Overloaded:
                if clock() + PAUSE_S >= deadline:
                    raise
            await asyncio.sleep(PAUSE_S)
            await self._pace.begin()

    async def _attempt(self, lane: Lane, items: Sequence[Item], ctx: RequestContext, deadline: float) -> Prediction:
        """Make one attempt in a turn that has begun: tell `pace` the outcome, and end the turn."""
        try:
            prediction = await self._predict(lane, items, ctx, deadline)
        except Overloaded:
            self._pace.shed()
            raise
        else:
            self._pace.answered()
            return prediction
        finally:
            self._pace.end()
