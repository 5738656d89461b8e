"""What a load costs on hardware of known price. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.cost import usd_per_million
from loadtest.results.throughput import Throughput

AS_GIVEN = "as given"


@dataclass(frozen=True, slots=True)
class Pricing:
    """One price of the hardware, such as that of an instance type on demand.

    `source` and `date` say where and when it was published.
    """

    name: str
    usd_per_hour: float
    source: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the load costs at one price of the hardware, of `source` and `date`.

    The costs per million are None where nothing was answered well.
    """

    pricing: str
    usd_per_hour: float
    usd_per_million_texts: float | None
    usd_per_million_requests: float | None
    source: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Costs:
    """What the load costs.

    `usd_per_hour` is the price that was given for the hardware (None: none), and `usd_per_million`
    what a million texts cost at it (None also where nothing was answered well). `by_price` has a
    cost for that price and for each other one.
    """

    usd_per_hour: float | None
    usd_per_million: float | None
    by_price: list[Cost]


def costs_of(throughput: Throughput, usd_per_hour: float | None, prices: Sequence[Pricing]) -> Costs:
    """The costs of a load at the price that was given, if any, and at others."""
    given = [] if usd_per_hour is None else [_cost(throughput, Pricing(AS_GIVEN, usd_per_hour))]
    return Costs(
        usd_per_hour=usd_per_hour,
        usd_per_million=given[0].usd_per_million_texts if given else None,
        by_price=[*given, *(_cost(throughput, pricing) for pricing in prices)],
    )


def _cost(throughput: Throughput, pricing: Pricing) -> Cost:
    return Cost(
        pricing.name,
        pricing.usd_per_hour,
        _per_million(pricing, throughput.texts_per_s),
        _per_million(pricing, throughput.answered_rps),
        pricing.source,
        pricing.date,
    )


def _per_million(pricing: Pricing, per_second: float) -> float | None:
    return usd_per_million(pricing.usd_per_hour, per_second) if per_second else None
