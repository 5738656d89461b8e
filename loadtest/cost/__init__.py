"""What answers cost: the price table, a million predictions at the SLO, interrupted spot instances.

Everything is pure, except that `prices` reads files.
"""

from loadtest.cost.per_million import MILLION, SECONDS_PER_HOUR, usd_per_million

__all__ = ["MILLION", "SECONDS_PER_HOUR", "usd_per_million"]
