"""What is measured of every request, whatever an experiment declares. Pure.

Each feature is a whole number; a unit's is the sum over its requests. Features of the bypass sample
are those of the requests that no cache answered because the experiment wanted so: only there do
latency and cost compare, since elsewhere the arm with more traffic has more hits.
"""

from typing import Final, NamedTuple

SAMPLED: Final = ("requests", "slow", "items", "computed", "triton_seconds")
"""Counted in the bypass sample, too."""
FEATURES: Final = (
    "requests",
    "slow",
    "items",
    "computed",
    "triton_seconds",
    "errors",
    "sheds",
    "fallbacks",
    "hits",
    *(f"bypass_{name}" for name in SAMPLED),
)
SCALES: Final = {"triton_seconds": 10**6, "bypass_triton_seconds": 10**6}
"""By what a feature's whole number is divided; 1 where none is named: Triton's time is in µs."""
DENOMINATORS: Final = {
    "triton_seconds": "computed",
    "bypass_triton_seconds": "bypass_computed",
    "hits": "items",
    **{f"bypass_{name}": "bypass_requests" for name in SAMPLED[1:4]},
}
"""For each of what a feature is counted; for each request where none is named."""


class Seen(NamedTuple):
    """What one request was.

    `computed` of its `items` were computed, in `triton_s` seconds of the model server; `hits` came
    from the cache. `slow` says whether it took longer than the model's latency objective.
    """

    latency_s: float
    items: int = 0
    hits: int = 0
    computed: int = 0
    triton_s: float = 0.0
    slow: bool = False
    error: bool = False
    shed: bool = False
    fallback: bool = False
    bypass: bool = False

    def features(self, thresholds_s: tuple[float, ...] = (), *, sampled: bool = False) -> list[int]:
        """The features in the order of `FEATURES`, then whether each threshold was exceeded.

        With `sampled`, thresholds count in the bypass sample only.
        """
        sample = [1, int(self.slow), self.items, self.computed, round(1e6 * self.triton_s)]
        others = [int(self.error), int(self.shed), int(self.fallback), self.hits]
        counts = self.bypass or not sampled
        over = [int(counts and self.latency_s > threshold_s) for threshold_s in thresholds_s]
        return [*sample, *others, *(sample if self.bypass else [0] * len(sample)), *over]
