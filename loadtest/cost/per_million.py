"""What a million predictions cost. Pure."""

SECONDS_PER_HOUR = 3600
MILLION = 1_000_000


def usd_per_million(usd_per_hour: float, texts_per_s: float) -> float:
    """US dollars for a million predicted texts.

    The hardware costs `usd_per_hour` and keeps up `texts_per_s`. Where that is the highest rate
    within an SLO, this is the cost at the SLO; what a machine does beyond it does not count.

    Raises:
        ValueError: a negative price, or a throughput that is not positive.
    """
    if usd_per_hour < 0:
        raise ValueError("usd_per_hour must not be negative")
    if texts_per_s <= 0:
        raise ValueError("texts_per_s must be positive")
    return usd_per_hour / SECONDS_PER_HOUR / texts_per_s * MILLION
