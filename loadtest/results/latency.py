"""How long good answers took. Pure."""

from dataclasses import dataclass

from loadtest.results.histogram import Histogram
from loadtest.results.percentiles import count_behind, latency_curve, summarize_latency


@dataclass(frozen=True, slots=True)
class Distribution:
    """Durations of good answers, in milliseconds.

    `summary_ms` holds the reported percentiles, `mean`, `min` and `max` (None where nothing was
    answered well), `behind` how many requests took as long as each percentile or longer, `curve`
    (quantile, ms) from the least to the greatest, and `histogram` all of them in HdrHistogram's
    encoding, in microseconds ("" where nothing was answered well).
    """

    summary_ms: dict[str, float] | None
    behind: dict[str, int]
    curve: list[tuple[float, float]]
    histogram: str

    def decode(self) -> Histogram:
        """The histogram, with the mean of the summary."""
        mean_ms = 0.0 if self.summary_ms is None else self.summary_ms["mean"]
        return Histogram.decode(self.histogram, mean_ms=mean_ms)


def distribution_of(histogram: Histogram) -> Distribution:
    """The distribution of what a histogram counted."""
    return Distribution(
        summary_ms=summarize_latency(histogram),
        behind=count_behind(histogram),
        curve=latency_curve(histogram),
        histogram=histogram.encode(),
    )
