"""The smallest deployment that holds a load within its SLO, also with replicas lost. Pure.

And the highest load that a deployment holds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from loadtest.planning.capacity.prediction import ROUNDING, Deployment, Load, Prediction, latency_objectives
from loadtest.planning.capacity.profile import Profile
from loadtest.slo import Slo

MOST_REPLICAS = 100_000
MORE_GATEWAYS = 4
"""Up to this many times the gateways that their CPU time asks for are tried for the SLO."""
RATE_PRECISION = 0.005
LEAST_RATE = 1e-6


class SizingError(ValueError):
    """No number of replicas holds the SLO; the message says what stands in the way."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What the deployment must do.

    It must hold the SLO with `lost` gateways or Triton replicas gone, with no stage loaded with
    more than `most_utilization` of its highest throughput, and also where latencies are by `margin`
    (0.3: 30 %) higher than is predicted.
    """

    slo: Slo
    lost: int = 1
    most_utilization: float = 0.8
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Size:
    """How many are needed while some are lost, and how many there are to be.

    `ceiling_replicas` is how many the measured ceiling asks for, None where none was measured for
    the SLO.
    """

    needed: Deployment
    planned: Deployment
    ceiling_replicas: int | None

    @property
    def bound_by_ceiling(self) -> bool:
        """Whether what a search measured asks for more replicas than the model."""
        return self.ceiling_replicas is not None and self.ceiling_replicas == self.needed.triton_replicas


def size(profile: Profile, load: Load, aim: Aim) -> Size:
    """The smallest deployment for a load.

    Raises:
        SizingError: no deployment holds the SLO.
    """
    ceiling = _ceiling_replicas(profile, load, aim.slo)
    fewest = _fewest(profile, load, aim)
    for gateways in range(fewest.gateways, fewest.gateways * MORE_GATEWAYS + 1, fewest.gateways):
        replicas = _replicas(profile, load, aim, gateways, fewest.triton_replicas)
        if replicas is not None:
            needed = Deployment(gateways, max(replicas, ceiling or 1))
            return Size(needed, Deployment(needed.gateways + aim.lost, needed.triton_replicas + aim.lost), ceiling)
    raise SizingError(_why_not(profile, load, aim, fewest.gateways * MORE_GATEWAYS))


def highest_rate(profile: Profile, load: Load, aim: Aim, deployment: Deployment) -> float:
    """The most requests per second of such a load that `deployment` holds within the SLO.

    No replica is taken as lost. 0 where the deployment holds none.
    """
    here = Prediction(profile, load, deployment)
    busiest = max(here.gateway_queue.load, here.triton_queue.load)
    low, high = 0.0, load.requests_per_s * aim.most_utilization / busiest * (1 - ROUNDING)

    def holds(rate: float) -> bool:
        return Prediction(profile, replace(load, requests_per_s=rate), deployment).holds(aim.slo, aim.most_utilization, aim.margin)

    if holds(high):
        low = high
    while high - low > RATE_PRECISION * high and high > LEAST_RATE:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    ceiling = profile.triton.texts_per_s_within_slo
    if ceiling is None or ceiling.slo != str(aim.slo) or load.hit_rate == 1:
        return low
    return min(low, deployment.triton_replicas * ceiling.texts_per_s / (1 - load.hit_rate) / load.items_per_request)


def _replicas(profile: Profile, load: Load, aim: Aim, gateways: int, least: int) -> int | None:
    """The fewest Triton replicas that hold the SLO behind so many gateways; None where none do.

    There are at least `least`.
    """

    def holds(count: int) -> bool:
        return Prediction(profile, load, Deployment(gateways, count)).holds(aim.slo, aim.most_utilization, aim.margin)

    if holds(least):
        return least
    return _smallest(holds, least) if holds(MOST_REPLICAS) else None


def _fewest(profile: Profile, load: Load, aim: Aim) -> Deployment:
    """The fewest that keep every stage no busier than it may be."""
    alone = Prediction(profile, load, Deployment(1, 1))
    queues = (alone.gateway_queue, alone.triton_queue)
    gateways, replicas = (max(1, math.ceil(queue.load / aim.most_utilization * (1 - ROUNDING))) for queue in queues)
    return Deployment(gateways, replicas)


def _ceiling_replicas(profile: Profile, load: Load, slo: Slo) -> int | None:
    ceiling = profile.triton.texts_per_s_within_slo
    if ceiling is None or ceiling.slo != str(slo):
        return None
    return max(1, math.ceil(load.misses_per_s / ceiling.texts_per_s * (1 - ROUNDING)))


def _smallest(holds: Callable[[int], bool], least: int) -> int:
    """The smallest count above `least` that holds.

    `least` must not hold, `MOST_REPLICAS` must, and every count above one that holds must, too.
    """
    low, high = least, least + 1
    while high < MOST_REPLICAS and not holds(high):
        low, high = high, min(high * 2, MOST_REPLICAS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _why_not(profile: Profile, load: Load, aim: Aim, gateways: int) -> str:
    idle = Prediction(profile, load, Deployment(gateways, MOST_REPLICAS))
    if idle.overloaded:
        return f"{MOST_REPLICAS:,} Triton replicas cannot carry {load.misses_per_s:,.0f} misses/s: check the profile's service times."
    more = f", and {aim.margin:.0%} for what the model misses" if aim.margin else ""
    missed = [
        f"{objective}: {objective.show(idle.latency_ms(objective))} without any wait for Triton{more}"
        for objective in latency_objectives(aim.slo)
        if not objective.allows(idle.latency_ms(objective) * (1 + aim.margin))
    ]
    return f"No number of replicas holds {'; '.join(missed)}. Shorten the service (a smaller or quantized model) or relax the SLO."
