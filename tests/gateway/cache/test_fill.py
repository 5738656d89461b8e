"""Rows computed under leases in a real Valkey; each test says when the lane answers."""

import asyncio
import uuid

import pytest

from gateway.cache.cache import Cache
from gateway.cache.fill import Fill, Miss
from gateway.cache.lease import Acquired
from gateway.cache.leased_row import LeasedRow
from gateway.cache.policy import CachePolicy, Policies
from gateway.cache.redis_tier import RedisTier
from gateway.cache.single_flight import SingleFlight
from gateway.errors import NotReady
from gateway.request.cache_control import parse
from gateway.request.prediction import Item, PredictionRequest
from gateway.request.priority import Priority
from gateway.request.ticket import Ticket

pytestmark = pytest.mark.integration
ITEM, ROW = Item(b"a text"), b"\0" * 8
LONG_S = 60.0


class Manifest:
    model, version, digest = "topics", 1, "0" * 64


class Lane:
    """Counts admitted items by priority; `submitted` holds the rows to be computed."""

    manifest, width = Manifest(), 1

    def __init__(self):
        self.admitted = dict.fromkeys(Priority, 0)
        self.submitted, self.hastened = asyncio.Queue(), []

    def admit(self, items, request):
        self.admitted[request.priority] += len(items)
        return Ticket((), request.priority, len(items))

    def hasten(self, row, ticket):
        self.hastened.append((row, ticket))

    def submit(self, item, ticket, deadline):
        row = asyncio.get_running_loop().create_future()
        self.submitted.put_nowait((row, deadline))
        return row


@pytest.fixture
def key():
    return b"headrace:" + uuid.uuid4().bytes


@pytest.fixture
async def caches(valkey):
    """The caches of two gateways."""
    policies = Policies(CachePolicy(lease_s=LONG_S, stale_while_revalidate_s=LONG_S))
    made = [Cache(policies, redis=RedisTier(valkey.url, timeout_s=5, leases=True)) for _ in range(2)]
    for cache in made:
        await cache.deletions.read()
    yield made
    for cache in made:
        await cache.aclose()


def gateway(cache):
    """The (fill, lane) of a gateway."""
    return Fill(cache, {priority: SingleFlight() for priority in Priority}), Lane()


def request(priority=Priority.INTERACTIVE, cache=""):
    return PredictionRequest([ITEM], asyncio.get_running_loop().time() + 2 * LONG_S, parse(cache), priority=priority)


def compute(fill, lane, key, asked, *, shared=True):
    return fill.compute(Miss(key, ITEM, asked, lane, lane.admit([ITEM], asked)), shared=shared)


async def test_a_miss_that_another_gateway_has_computed_is_not_submitted(caches, key):
    (one, lane), (other, others_lane) = map(gateway, caches)
    first = compute(one, lane, key, request())
    row, _ = await lane.submitted.get()
    second = compute(other, others_lane, key, request())
    row.set_result(ROW)
    assert [await first.row, await second.row] == [ROW, ROW]
    assert others_lane.submitted.empty()


@pytest.mark.parametrize(
    ("priority", "cache"), [(Priority.BATCH, ""), (Priority.INTERACTIVE, "no-cache"), (Priority.INTERACTIVE, "max-age=1")]
)
async def test_batch_work_and_requests_for_new_answers_neither_wait_for_a_lease_nor_take_one(caches, key, priority, cache):
    (one, lane), (other, others_lane) = map(gateway, caches)
    compute(one, lane, key, request(priority, cache))
    assert lane.submitted.qsize() == 1
    compute(other, others_lane, key, request())
    await others_lane.submitted.get()  # it acquired the lease at once
    compute(one, lane, b"headrace:other", request(priority, cache))
    assert lane.submitted.qsize() == 2


async def test_an_unshared_computation_runs_although_another_gateway_has_computed_the_row(caches, key):
    (one, lane), (other, others_lane) = map(gateway, caches)
    first = compute(one, lane, key, request())
    (await lane.submitted.get())[0].set_result(ROW)
    assert await first.row == ROW
    await caches[0].aclose()  # the row is stored now
    compute(other, others_lane, key, request(), shared=False)
    assert others_lane.submitted.qsize() == 1


async def test_computation_under_a_lease_lasts_as_long_as_its_most_patient_waiter(caches, key):
    fill, lane = gateway(caches[0])
    compute(fill, lane, key, request())
    patient = PredictionRequest([ITEM], request().deadline + LONG_S)
    fill.compute(Miss(key, ITEM, patient, lane, lane.admit([], patient)))
    _, deadline = await lane.submitted.get()
    assert deadline.at_s == patient.deadline


async def test_refresh_is_batch_work_and_does_not_start_while_its_key_is_being_computed(caches, key):
    fill, lane = gateway(caches[0])
    asked = request()
    row = fill.refresh(key, ITEM, lane, asked.deadline, None)
    assert lane.admitted == {Priority.INTERACTIVE: 0, Priority.BATCH: 1}
    assert fill.refresh(key, ITEM, lane, asked.deadline, None) is None
    row.cancel()
    await asyncio.sleep(0)  # the row's callbacks
    other = b"headrace:" + uuid.uuid4().bytes
    computation = compute(fill, lane, other, asked)
    assert fill.refresh(other, ITEM, lane, asked.deadline, None) is None
    computation.row.cancel()


async def test_nothing_is_submitted_when_no_waiter_is_left_before_the_lease_is_acquired(caches, key):
    fill, lane = gateway(caches[0])
    computation = compute(fill, lane, key, request())
    computation.row.cancel()
    await asyncio.wait([computation.row])
    assert lane.submitted.empty()


async def test_a_row_that_another_request_waits_for_goes_with_that_if_it_is_sooner_there(caches, key):
    fill, lane = gateway(caches[0])
    first = compute(fill, lane, key, request(Priority.BATCH))
    assert lane.hastened == []
    second = compute(fill, lane, key, request(Priority.BATCH))
    assert second is first
    assert [row for row, _ in lane.hastened] == [first.row]


async def test_a_row_under_a_lease_goes_with_whoever_came_while_the_lease_was_asked_for(caches, key):
    fill, lane = gateway(caches[0])
    compute(fill, lane, key, request())
    asked = request()
    many, few = (lane.admit([ITEM] * items, asked) for items in (64, 2))
    for ticket in (many, few, many):
        fill.compute(Miss(key, ITEM, asked, lane, ticket))
    row, _ = await lane.submitted.get()
    assert lane.hastened == [(row, few)]
    fill.compute(Miss(key, ITEM, asked, lane, lane.admit([], asked)))
    assert [hastened for hastened, _ in lane.hastened] == [row, row]


class Begun(asyncio.Future):
    """A row whose call has begun."""

    def cancel(self, msg=None):
        return False


async def test_a_row_under_a_lease_whose_call_has_begun_is_computed_for_the_cache(caches, key):
    fill, lane = gateway(caches[0])
    begun = Begun()
    lane.submit = lambda *_: begun
    computation = compute(fill, lane, key, request())
    await asyncio.wait([computation.row._acquiring])
    await asyncio.sleep(0)
    assert not computation.row.cancel()
    begun.set_result(ROW)
    assert await computation.row == ROW
    await caches[0].aclose()  # the row is stored now
    other, others_lane = gateway(caches[1])
    assert await compute(other, others_lane, key, request()).row == ROW


async def test_a_row_under_a_lease_leaves_the_queue_with_its_last_waiter(caches, key):
    fill, lane = gateway(caches[0])
    computation = compute(fill, lane, key, request())
    row, _ = await lane.submitted.get()
    assert computation.row.cancel()
    assert row.cancelled()
    # the lease is free again: another gateway does not wait for its end
    other, others_lane = gateway(caches[1])
    compute(other, others_lane, key, request())
    async with asyncio.timeout(LONG_S / 2):
        await others_lane.submitted.get()


async def test_a_lease_that_comes_when_its_last_waiter_has_left_is_given_back(key):
    asked, released = asyncio.get_running_loop().create_future(), []

    async def acquire():
        return await asked

    row = LeasedRow(acquire(), submit=None, release=released.append, hasten=None)
    await asyncio.sleep(0)
    asked.set_result(Acquired(None, b"token"))
    await asyncio.sleep(0)  # the task ends, and its callback waits for the next turn
    assert row.cancel()
    await asyncio.sleep(0)
    assert released == [b"token"]


async def test_a_fault_of_a_row_under_a_lease_reaches_its_waiters(caches, key):
    fill, lane = gateway(caches[0])
    computation = compute(fill, lane, key, request())
    row, _ = await lane.submitted.get()
    row.set_exception(NotReady("gone"))
    with pytest.raises(NotReady):
        await computation.row


async def test_a_lease_whose_row_could_not_be_submitted_is_given_back(caches, key):
    fill, lane = gateway(caches[0])

    def submit(*_):
        raise RuntimeError("broken")

    lane.submit = submit
    with pytest.raises(RuntimeError):
        await compute(fill, lane, key, request()).row
    # another gateway does not wait for the end of the lease
    other, others_lane = gateway(caches[1])
    compute(other, others_lane, key, request())
    async with asyncio.timeout(LONG_S / 2):
        await others_lane.submitted.get()


async def test_a_row_ends_where_the_task_that_asks_for_its_lease_is_cancelled():
    others = asyncio.all_tasks()
    row = LeasedRow(asyncio.Event().wait(), submit=None, release=None, hasten=None)
    [asking] = asyncio.all_tasks() - others
    asking.cancel()  # as the end of the event loop cancels all tasks
    await asyncio.wait([row], timeout=1)
    assert row.cancelled()
