"""The command-line flags that say what the serving hardware costs."""

import argparse
from pathlib import Path

from loadtest.cost.prices import PriceError, read_prices
from loadtest.results.costs import Pricing
from loadtest.scenario.scenario import ScenarioError


def add_price_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    add = parser.add_argument_group("what it costs").add_argument
    add("--usd-per-hour", type=float, metavar="X", help="what the serving hardware costs, for the price of a million texts")
    add(
        "--instance",
        action="append",
        default=[],
        metavar="TYPE",
        help="an instance type of the price table that the system runs on, such as aws/c7i.large; may be repeated, each is reckoned alone",
    )
    add("--prices", type=Path, metavar="FILE", help="your own prices, in place of or beside the shipped ones (YAML)")


def prices_from(args: argparse.Namespace) -> list[Pricing]:
    """The prices of the instance types that the flags name: on demand, and on spot where known.

    Raises:
        ScenarioError: a negative price, an unknown type, one without a price, or a price file that
            cannot be read.
    """
    if args.usd_per_hour is not None and args.usd_per_hour < 0:
        raise ScenarioError("--usd-per-hour must not be negative")
    prices = []
    try:
        table = read_prices(args.prices)
        for name in args.instance:
            price = table[name]
            published = (price.source, f"{price.region}, {price.date.isoformat()}")
            prices.append(Pricing(f"{name}, on demand", table.on_demand(name), *published))
            if price.spot_usd_per_hour is not None:
                prices.append(Pricing(f"{name}, spot, while it lasts", price.spot_usd_per_hour, *published))
    except PriceError as exc:
        raise ScenarioError(str(exc)) from exc
    return prices
