import asyncio

from gateway.flights import Flights

SOON, LATER = 1.0, 2.0


def start(_deadline):
    return asyncio.get_running_loop().create_future()


async def test_second_join_shares_the_first_flight():
    flights = Flights()
    first, second = flights.join(b"k", SOON, start), flights.join(b"k", SOON, start)
    assert first is second
    first.row.set_result(b"row")
    assert await second.row == b"row"


async def test_landed_flight_is_forgotten():
    flights = Flights()
    flight = flights.join(b"k", SOON, start)
    flight.row.set_exception(ValueError("failed"))
    await asyncio.sleep(0)
    assert b"k" not in flights
    assert flights.join(b"k", SOON, start) is not flight


async def test_a_waiter_that_leaves_does_not_disturb_the_others():
    flights = Flights()
    flight = flights.join(b"k", SOON, start)
    flights.join(b"k", SOON, start)
    flights.leave([flight])
    assert not flight.row.done()
    flights.leave([flight])
    assert flight.row.cancelled()
    assert b"k" not in flights


async def test_leaving_a_landed_flight_does_not_touch_the_next_one():
    flights = Flights()
    landed = flights.join(b"k", SOON, start)
    landed.row.set_result(b"row")
    await asyncio.sleep(0)
    following = flights.join(b"k", SOON, start)
    flights.leave([landed])
    assert not following.row.done()
    assert b"k" in flights


async def test_a_flight_lasts_as_long_as_its_most_patient_waiter():
    flights = Flights()
    flight = flights.join(b"k", SOON, start)
    assert flight.deadline.at_s == SOON
    flights.join(b"k", LATER, start)
    flights.join(b"k", SOON, start)
    assert flight.deadline.at_s == LATER
