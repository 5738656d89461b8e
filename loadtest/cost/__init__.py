"""What answers cost: the price table, a million predictions at the SLO, spot with interruptions. Pure but for the reading of `prices`."""

from loadtest.cost.per_million import MILLION, SECONDS_PER_HOUR, usd_per_million

__all__ = ["MILLION", "SECONDS_PER_HOUR", "usd_per_million"]
