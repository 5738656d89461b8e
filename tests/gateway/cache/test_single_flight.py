import asyncio
import gc

import pytest

from gateway.cache.single_flight import SingleFlight

SOON, LATER = 1.0, 2.0


def start(_deadline):
    return asyncio.get_running_loop().create_future()


async def test_the_second_waiter_shares_the_first_computation():
    running = SingleFlight()
    first, second = running.attach(b"k", SOON, start), running.attach(b"k", SOON, start)
    assert first is second
    first.row.set_result(b"row")
    assert await second.row == b"row"


async def test_a_computation_that_is_done_is_forgotten():
    running = SingleFlight()
    failed = running.attach(b"k", SOON, start)
    failed.row.set_exception(ValueError("failed"))
    await asyncio.sleep(0)
    assert b"k" not in running
    assert running.attach(b"k", SOON, start) is not failed


async def test_a_waiter_that_gives_up_does_not_disturb_the_others():
    running = SingleFlight()
    computation = running.attach(b"k", SOON, start)
    running.attach(b"k", SOON, start)
    running.detach([computation])
    assert not computation.row.done()
    running.detach([computation])
    assert computation.row.cancelled()
    assert b"k" not in running


class Begun(asyncio.Future):
    """A row whose computation has begun."""

    def cancel(self, msg=None):
        return False


async def test_a_computation_that_has_begun_goes_on_for_who_asks_again():
    running = SingleFlight()
    computation = running.attach(b"k", SOON, lambda _: Begun())
    running.detach([computation])
    assert running.attach(b"k", LATER, start) is computation
    computation.row.set_result(b"row")
    await asyncio.sleep(0)
    assert b"k" not in running


async def test_detaching_from_a_computation_that_is_done_does_not_touch_the_next_one():
    running = SingleFlight()
    done = running.attach(b"k", SOON, start)
    done.row.set_result(b"row")
    await asyncio.sleep(0)
    following = running.attach(b"k", SOON, start)
    running.detach([done])
    assert not following.row.done()
    assert b"k" in running


async def test_an_unshared_computation_neither_uses_anothers_row_nor_shares_its_own():
    running = SingleFlight()
    shared, own = running.attach(b"k", SOON, start), running.attach(b"k", LATER, start, shared=False)
    assert own is not shared
    assert running.attach(b"k", SOON, start) is shared
    assert (shared.deadline.at_s, own.deadline.at_s) == (SOON, LATER)
    running.detach([own])
    assert own.row.cancelled()
    assert not shared.row.done()


async def test_a_computation_lasts_as_long_as_its_most_patient_waiter():
    running = SingleFlight()
    computation = running.attach(b"k", SOON, start)
    assert computation.deadline.at_s == SOON
    running.attach(b"k", LATER, start)
    running.attach(b"k", SOON, start)
    assert computation.deadline.at_s == LATER


@pytest.mark.parametrize("shared", [True, False])
async def test_a_fault_for_which_nobody_waits_any_more_is_no_error_of_the_event_loop(shared):
    unhandled = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context["message"]))
    running = SingleFlight()
    computation = running.attach(b"k", SOON, lambda _: Begun(), shared=shared)
    running.detach([computation])
    computation.row.set_exception(ValueError("failed"))
    await asyncio.sleep(0)  # the row's callbacks
    del computation
    gc.collect()
    assert unhandled == []
