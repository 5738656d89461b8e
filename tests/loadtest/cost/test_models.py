import math
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loadtest.cost import usd_per_million
from loadtest.cost.fleet import Fleet, Part, instances_for, memory_share
from loadtest.cost.spot import Interruptions, covered_price, hourly_rate, mixed_price, multiplier, spares_needed

money = st.floats(0.001, 100)
rates = st.floats(0.1, 1e6)
interrupted = st.builds(Interruptions, st.floats(0, 0.5), st.floats(0, 1800), st.floats(0, 120))
shares = st.floats(0, 1)


@given(money, money, rates)
def test_a_million_costs_more_where_an_hour_does_and_less_where_it_answers_more(price: float, more: float, rate: float) -> None:
    assert usd_per_million(price + more, rate) > usd_per_million(price, rate)
    assert usd_per_million(price, 2 * rate) == pytest.approx(usd_per_million(price, rate) / 2)


@given(money, money, money, rates)
def test_a_fleet_costs_what_its_parts_do(triton: float, gateway: float, redis: float, rate: float) -> None:
    fleet = Fleet((Part("Triton", 3, triton), Part("gateway", 2, gateway), Part("Redis", 0.25, redis)))
    assert fleet.usd_per_hour == pytest.approx(3 * triton + 2 * gateway + redis / 4)
    assert fleet.usd_per_month == pytest.approx(730 * fleet.usd_per_hour)
    assert fleet.usd_per_million(rate) == pytest.approx(usd_per_million(fleet.usd_per_hour, rate))


def test_replicas_fill_instances() -> None:
    assert [instances_for(replicas, 4) for replicas in (1, 4, 5)] == [1, 1, 2]
    assert memory_share(2, 8) == 0.25
    assert memory_share(12, 8) == 1.5


def test_what_cannot_be_is_refused() -> None:
    for call in (
        lambda: Part("Triton", -1, 1),
        lambda: memory_share(1, 0),
        lambda: Interruptions(-1, 0),
        lambda: hourly_rate(1.0),
        lambda: covered_price(-1, 1, Interruptions(0, 0)),
        lambda: mixed_price(1, 1, Interruptions(0, 0), 1.5),
        lambda: multiplier(0, 0, Interruptions(0, 0)),
        lambda: spares_needed(0, Interruptions(0, 0), 0.1),
    ):
        with pytest.raises(ValueError, match="must"):
            call()


@given(money, money, st.floats(0, 3600), st.floats(0, 120))
def test_without_interruptions_spot_costs_its_price(spot: float, on_demand: float, replace_s: float, notice_s: float) -> None:
    assert covered_price(spot, on_demand, Interruptions(0, replace_s, notice_s)) == pytest.approx(spot)


@given(money, shares, interrupted)
def test_covered_spot_lies_between_spot_and_on_demand_with_the_starts(on_demand: float, discount: float, taken: Interruptions) -> None:
    spot = on_demand * (1 - discount)
    price = covered_price(spot, on_demand, taken)
    assert spot * (1 - 1e-9) <= price
    assert price <= on_demand * (1 + taken.per_hour * taken.replace_s / 3600) * (1 + 1e-9)
    saving = 1 - multiplier(spot, on_demand, taken)
    assert saving <= discount + 1e-9


@given(money, money, interrupted, money)
def test_covered_spot_rises_with_either_price(spot: float, on_demand: float, taken: Interruptions, more: float) -> None:
    price = covered_price(spot, on_demand, taken)
    assert covered_price(spot + more, on_demand, taken) > price
    assert covered_price(spot, on_demand + more, taken) >= price


@given(money, shares, interrupted, st.floats(1.01, 10))
def test_more_interruptions_never_make_spot_cheaper(on_demand: float, discount: float, taken: Interruptions, factor: float) -> None:
    spot = on_demand * (1 - discount)
    oftener = Interruptions(taken.per_hour * factor, taken.replace_s, taken.notice_s)
    slower = Interruptions(taken.per_hour, taken.replace_s * factor, taken.notice_s)
    for worse in (oftener, slower):
        assert worse.availability <= taken.availability
        assert covered_price(spot, on_demand, worse) >= covered_price(spot, on_demand, taken) * (1 - 1e-9)


@given(money, shares, interrupted, shares)
def test_a_mixed_fleet_lies_between_its_two_prices(on_demand: float, discount: float, taken: Interruptions, share: float) -> None:
    spot = on_demand * (1 - discount)
    covered = covered_price(spot, on_demand, taken)
    mixed = mixed_price(spot, on_demand, taken, share)
    assert min(covered, on_demand) * (1 - 1e-9) <= mixed <= max(covered, on_demand) * (1 + 1e-9)
    assert mixed_price(spot, on_demand, taken, 1) == pytest.approx(on_demand)
    assert mixed_price(spot, on_demand, taken, 0) == pytest.approx(covered)


def test_the_covered_price_is_what_a_simulated_year_costs() -> None:
    """Ten thousand lives of an instance, paid as a cloud charges them."""
    random, taken, spot, on_demand = Random(1), Interruptions(0.2, 900, 120), 0.3, 1.0
    paid = hours = 0.0
    for _ in range(10_000):
        serving_h = random.expovariate(taken.per_hour)
        missing_h = taken.missing_h
        paid += serving_h * spot + taken.replace_s / 3600 * spot + missing_h * on_demand
        hours += serving_h + missing_h
    assert covered_price(spot, on_demand, taken) == pytest.approx(paid / hours, rel=0.005)
    assert taken.availability == pytest.approx(1 - 10_000 * taken.missing_h / hours, rel=0.001)


def test_a_warning_as_long_as_the_replacement_leaves_no_gap() -> None:
    assert Interruptions(0.5, 100, 120).availability == 1


@given(st.floats(0, 0.9))
def test_the_hourly_rate_takes_the_share_within_a_month(share: float) -> None:
    assert 1 - math.exp(-hourly_rate(share) * 730) == pytest.approx(share)


@given(st.integers(1, 40), interrupted, st.floats(1e-6, 0.1))
def test_spares_are_just_enough(needed: int, taken: Interruptions, shortfall: float) -> None:
    def missing(bought: int) -> float:
        up = taken.availability
        return sum(math.comb(bought, k) * up**k * (1 - up) ** (bought - k) for k in range(needed))

    spares = spares_needed(needed, taken, shortfall)
    assert missing(needed + spares) <= shortfall
    assume(spares > 0)
    assert missing(needed + spares - 1) > shortfall
