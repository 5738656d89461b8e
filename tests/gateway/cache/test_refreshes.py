import asyncio

from virtual_time import run

from gateway.cache.cache import Cache
from gateway.cache.fill import Fill
from gateway.cache.policy import CachePolicy, Policies
from gateway.cache.refreshes import RETRY_AFTER_S, Refreshes
from gateway.cache.single_flight import SingleFlight
from gateway.errors import Overloaded
from gateway.request.prediction import Item
from gateway.request.priority import Priority
from gateway.request.ticket import Ticket

STALE = {b"headrace:key": Item(b"a text")}


class Lane:
    """A lane that refuses every item while it is `full`."""

    width = 1

    def __init__(self, manifest):
        self.manifest, self.asked, self.full = manifest, 0, True

    def admit(self, items, request):
        self.asked += 1
        if self.full:
            raise Overloaded("full")
        return Ticket((), request.priority, len(items))

    def submit(self, item, ticket, deadline):
        row = asyncio.get_running_loop().create_future()
        row.set_result(b"\0" * 8)
        return row


def test_a_failed_refresh_starts_again_only_after_a_pause(manifest):
    async def scenario():
        lane, cache = Lane(manifest()), Cache(Policies(CachePolicy()))
        refreshes = Refreshes(cache, Fill(cache, {priority: SingleFlight() for priority in Priority}), lambda _: None, 10.0)
        for _ in range(20):
            refreshes.start(lane, STALE)
            await asyncio.sleep(RETRY_AFTER_S / 100)
        assert lane.asked == 1
        lane.full = False
        await asyncio.sleep(RETRY_AFTER_S)
        for asked in (2, 3):
            refreshes.start(lane, STALE)
            await asyncio.sleep(RETRY_AFTER_S / 100)
            assert lane.asked == asked
        await refreshes.aclose()

    run(scenario())
