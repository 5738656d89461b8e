import asyncio

from virtual_time import run

from gateway.cache.cache import Cache
from gateway.cache.fill import Fill
from gateway.cache.policy import CachePolicy, Policies
from gateway.cache.refreshes import AGAIN_S, Refreshes
from gateway.cache.single_flight import SingleFlight
from gateway.errors import Overloaded
from gateway.request.prediction import Item
from gateway.request.priority import Priority

STALE = {b"headrace:key": Item(b"a text")}


class Lane:
    """Refuses as often as it is asked, until the test says otherwise."""

    width = 1

    def __init__(self, manifest):
        self.manifest, self.asked, self.full = manifest, 0, True

    def admit(self, items, request):
        self.asked += 1
        if self.full:
            raise Overloaded("full")

    def submit(self, item, request, deadline):
        row = asyncio.get_running_loop().create_future()
        row.set_result(b"\0" * 8)
        return row


def test_refresh_that_failed_is_not_begun_again_at_once_and_then_is(manifest):
    async def scenario():
        lane, cache = Lane(manifest()), Cache(Policies(CachePolicy()))
        refreshes = Refreshes(cache, Fill(cache, {priority: SingleFlight() for priority in Priority}), lambda _: None, 10.0)
        for _ in range(20):
            refreshes.start(lane, STALE)
            await asyncio.sleep(AGAIN_S / 100)
        assert lane.asked == 1
        lane.full = False
        await asyncio.sleep(AGAIN_S)
        for asked in (2, 3):
            refreshes.start(lane, STALE)
            await asyncio.sleep(AGAIN_S / 100)
            assert lane.asked == asked
        await refreshes.aclose()

    run(scenario())
