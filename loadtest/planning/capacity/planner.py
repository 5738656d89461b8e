"""The capacity plan: from a rate, an SLO and a profile to replicas, memory and money. Pure."""

from dataclasses import dataclass, replace

from loadtest.cost.prices import PriceTable
from loadtest.planning.capacity.bill import Bill, SpotTerms, Types, make_bill
from loadtest.planning.capacity.cache_memory import CacheMemory
from loadtest.planning.capacity.checking import Check, check_points, margin_of
from loadtest.planning.capacity.prediction import Deployment, Load, Prediction
from loadtest.planning.capacity.profile import Profile
from loadtest.planning.capacity.sizing import Aim, Size, highest_rate, size


@dataclass(frozen=True, slots=True)
class Wish:
    """What is planned for: requests per second today, and the share of their items that repeat.

    `growth` is a factor on the rate, `ttl_s` is how long an item stays in the cache, and
    `distinct_items` is how many different items there are (None: no end of them).

    Raises:
        ValueError: a growth or time to live that is not positive.
    """

    requests_per_s: float
    hit_rate: float
    growth: float = 1.0
    ttl_s: float = 3600.0
    distinct_items: int | None = None

    def __post_init__(self) -> None:
        if self.growth <= 0 or self.ttl_s <= 0 or (self.distinct_items is not None and self.distinct_items < 1):
            raise ValueError("growth, time to live and distinct items must be positive")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and how it was found.

    `full`, `gateway_lost` and `replica_lost` are predictions at the planned load, with all there
    and with some lost. `highest_requests_per_s` is what the deployment holds within the SLO with
    some lost, with the margin of `aim` for what the model misses, and `exact_requests_per_s` what
    it would hold were the model exact. `one_of_each_rps` is what one gateway and one replica hold,
    as they were measured, which a run can confirm. `bill` is None without instance types.
    """

    profile: Profile
    wish: Wish
    aim: Aim
    today: Size
    size: Size
    full: Prediction
    gateway_lost: Prediction
    replica_lost: Prediction
    highest_requests_per_s: float
    exact_requests_per_s: float
    one_of_each_rps: float
    memory: CacheMemory
    checks: list[Check]
    bill: Bill | None

    @property
    def load(self) -> Load:
        """The load planned for: today's rate × growth."""
        return self.full.load

    @property
    def highest_texts_per_s(self) -> float:
        """Texts per second at the highest rate within the SLO."""
        return self.highest_requests_per_s * self.profile.items_per_request


@dataclass(frozen=True, slots=True)
class Shop:
    """What may be bought and at which price."""

    types: Types
    table: PriceTable
    terms: SpotTerms


def make_plan(profile: Profile, wish: Wish, aim: Aim, shop: Shop | None) -> Plan:
    """Size the deployment, check the model against what was measured, and price it.

    `shop` is None where nothing is priced.

    Raises:
        SizingError: no number of replicas holds the SLO.
        PriceError: an instance type that has no price or cannot hold a replica.
        ValueError: a load that is impossible.
    """
    checks = check_points(profile)
    aim = replace(aim, margin=margin_of(checks))
    now = Load(wish.requests_per_s, wish.hit_rate, profile.items_per_request)
    load = Load(wish.requests_per_s * wish.growth, wish.hit_rate, profile.items_per_request)
    today = size(profile, now, aim)
    found = today if wish.growth == 1 else size(profile, load, aim)
    planned, needed = found.planned, found.needed
    memory = CacheMemory(load.misses_per_s, wish.ttl_s, profile.cache.bytes_per_item, wish.distinct_items)
    replica_lost = Deployment(planned.gateways, needed.triton_replicas)
    return Plan(
        profile=profile,
        wish=wish,
        aim=aim,
        today=today,
        size=found,
        full=Prediction(profile, load, planned),
        gateway_lost=Prediction(profile, load, Deployment(needed.gateways, planned.triton_replicas)),
        replica_lost=Prediction(profile, load, replica_lost),
        highest_requests_per_s=min(
            highest_rate(profile, load, aim, replica_lost),
            highest_rate(profile, load, aim, Deployment(needed.gateways, planned.triton_replicas)),
        ),
        memory=memory,
        checks=checks,
        exact_requests_per_s=min(
            highest_rate(profile, load, replace(aim, margin=0.0), replica_lost),
            highest_rate(profile, load, replace(aim, margin=0.0), Deployment(needed.gateways, planned.triton_replicas)),
        ),
        one_of_each_rps=highest_rate(profile, load, aim, Deployment(1, 1)),
        bill=None if shop is None else make_bill(profile, planned, memory, shop.types, shop.table, shop.terms, aim.lost + 1),
    )
