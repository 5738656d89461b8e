"""The month's bill of a planned deployment, on demand and with Triton on spot. Pure."""

from dataclasses import dataclass

from loadtest.cost.fleet import Fleet, Part, instances_for, memory_share
from loadtest.cost.prices import Price, PriceError, PriceTable
from loadtest.cost.spot import Interruptions, mixed_price, multiplier
from loadtest.planning.capacity.cache_memory import CacheMemory
from loadtest.planning.capacity.prediction import Deployment
from loadtest.planning.capacity.profile import Profile


@dataclass(frozen=True, slots=True)
class Types:
    """Instance types by the names of the price table.

    Redis runs on the gateways' type where it has none of its own.
    """

    triton: str
    gateway: str
    redis: str | None = None


@dataclass(frozen=True, slots=True)
class SpotTerms:
    """How spot is bought for Triton.

    That is how instances are taken away, and the share of the fleet that stays on demand.
    """

    interruptions: Interruptions
    on_demand_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Bill:
    """Two fleets that differ in the price of Triton's instances.

    `spot` and `spot_multiplier` are None without a spot price.
    """

    on_demand: Fleet
    spot: Fleet | None
    spot_multiplier: float | None
    replicas_per_instance: int
    sources: dict[str, str]


def make_bill(
    profile: Profile, planned: Deployment, memory: CacheMemory, types: Types, table: PriceTable, terms: SpotTerms, least_instances: int
) -> Bill:
    """Instances × price + the gateways + the share of an instance that Redis takes.

    Each part has at least `least_instances`, so that one is left when one is lost.

    Raises:
        PriceError: a type that the table does not have or has no price of, or one that cannot hold
            a replica.
    """
    triton, gateway = table[types.triton], table[types.gateway]
    redis_name = types.redis or types.gateway
    per_instance = _replicas_per_instance(profile, triton, types.triton)
    gateways_per_instance = max(1, int(gateway.vcpus // profile.gateway.workers))
    triton_instances = max(instances_for(planned.triton_replicas, per_instance), least_instances)
    price = table.on_demand(types.triton)
    others = (
        Part(
            f"gateway on {types.gateway}",
            max(instances_for(planned.gateways, gateways_per_instance), least_instances),
            table.on_demand(types.gateway),
        ),
        Part(f"Redis on {redis_name}", memory_share(memory.needed_gib, table[redis_name].memory_gib), table.on_demand(redis_name)),
    )
    on_demand = Fleet((Part(f"Triton on {types.triton}", triton_instances, price), *others))
    sources = {name: f"{table[name].source} ({table[name].date})" for name in dict.fromkeys((types.triton, types.gateway, redis_name))}
    if triton.spot_usd_per_hour is None or price == 0:
        return Bill(on_demand, None, None, per_instance, sources)
    covered = mixed_price(triton.spot_usd_per_hour, price, terms.interruptions, terms.on_demand_share)
    spot = Fleet((Part(f"Triton on {types.triton}, spot", triton_instances, covered), *others))
    share = multiplier(triton.spot_usd_per_hour, price, terms.interruptions, terms.on_demand_share)
    return Bill(on_demand, spot, share, per_instance, sources)


def _replicas_per_instance(profile: Profile, price: Price, name: str) -> int:
    if profile.triton.gpus:
        if price.gpus < profile.triton.gpus:
            raise PriceError(
                f"{name} has {price.gpus} GPUs, and a replica of the profile needs {profile.triton.gpus}: choose another type."
            )
        return price.gpus // profile.triton.gpus
    if profile.triton.cpus is None:
        return 1
    if price.vcpus < profile.triton.cpus:
        raise PriceError(
            f"{name} has {price.vcpus:g} vCPUs, and a replica of the profile needs {profile.triton.cpus:g}: choose another type."
        )
    return int(price.vcpus // profile.triton.cpus)
