"""What the measured rates cost on the instance types that a sweep names. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.cost import usd_per_million
from loadtest.cost.prices import PriceError, PriceTable, read_prices
from loadtest.cost.spot import Interruptions, covered_price, hourly_rate
from loadtest.planning.sweep.document import Prices
from loadtest.planning.sweep.errors import SweepError
from loadtest.results.figures import plural


@dataclass(frozen=True, slots=True)
class TextsCost:
    """US dollars for a million texts on an instance type.

    None where there is no rate, or no spot price.
    """

    instance: str
    on_demand_usd_per_million: float | None
    spot_usd_per_million: float | None


@dataclass(frozen=True, slots=True)
class Offer:
    """One instance type: US dollars per hour on demand, on spot, and on spot with its gaps covered.

    On-demand instances cover the gaps; both prices of spot are None where there is no spot price.
    """

    instance: str
    vcpus: float
    on_demand_usd_per_hour: float
    spot_usd_per_hour: float | None
    covered_spot_usd_per_hour: float | None
    source: str
    date: str

    def cost(self, texts_per_s: float | None) -> TextsCost:
        """What a million texts cost at that rate (None: there is no rate)."""
        return TextsCost(
            self.instance,
            _usd_per_million(self.on_demand_usd_per_hour, texts_per_s),
            _usd_per_million(self.covered_spot_usd_per_hour, texts_per_s),
        )


def read_offers(prices: Prices | None) -> list[Offer]:
    """The offers of the instance types that a sweep names.

    Raises:
        SweepError: the price table lacks one, or cannot be read.
    """
    if prices is None:
        return []
    try:
        table = read_prices(None if prices.table is None else Path(prices.table))
        spot = prices.spot
        taken = Interruptions(hourly_rate(spot.interrupted_per_month), spot.replace_s, spot.notice_s)
        return [_offer(table, name, taken) for name in prices.instances]
    except PriceError as exc:
        raise SweepError(f"prices: {exc}") from exc


def _offer(table: PriceTable, name: str, taken: Interruptions) -> Offer:
    price, on_demand = table[name], table.on_demand(name)
    spot = price.spot_usd_per_hour
    covered = None if spot is None else covered_price(spot, on_demand, taken)
    return Offer(name, price.vcpus, on_demand, spot, covered, price.source, str(price.date))


def applied(offers: Sequence[Offer], cores: float) -> list[str]:
    """What a reader must know of the prices, a sentence each."""
    return [
        f"The price of {offer.instance} ({offer.vcpus:g} vCPUs, {offer.on_demand_usd_per_hour:.4g} USD/h on demand"
        + (
            "" if offer.spot_usd_per_hour is None or offer.covered_spot_usd_per_hour is None
            else f", {offer.spot_usd_per_hour:.5g} USD/h spot, {offer.covered_spot_usd_per_hour:.5g} with its gaps covered"
        )
        + f"; {offer.date}) is applied to rates that were measured on another machine with {plural(cores, 'core')}, generator included."
        for offer in offers
    ]  # fmt: skip


def _usd_per_million(usd_per_hour: float | None, texts_per_s: float | None) -> float | None:
    return None if usd_per_hour is None or texts_per_s is None else usd_per_million(usd_per_hour, texts_per_s)
