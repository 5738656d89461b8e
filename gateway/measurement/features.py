"""What is measured of every request, whatever an experiment declares. Pure.

Each feature is a whole number; a unit's is the sum over its requests. Features of the bypass sample
are those of the requests that no cache answered because the experiment wanted so: only there do
latency and cost compare, since elsewhere the arm with more traffic has more hits. What shadows
found is added when they have computed: the items that were compared, and those that differ.
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
    "shadowed",
    "differing",
)
SCALES: Final = {"triton_seconds": 10**6, "bypass_triton_seconds": 10**6}
"""By what a feature's whole number is divided; 1 where none is named: Triton's time is in µs."""
DENOMINATORS: Final = {
    "triton_seconds": "computed",
    "bypass_triton_seconds": "bypass_computed",
    "hits": "items",
    **{f"bypass_{name}": "bypass_requests" for name in SAMPLED[1:4]},
    "differing": "shadowed",
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

    def add_to(self, features: list[int], thresholds_s: tuple[float, ...] = (), *, sampled: bool = False) -> None:
        """Add the request to features in the order of `FEATURES`, then those above each threshold.

        With `sampled`, thresholds count in the bypass sample only. Most requests are hits, and hits
        are few additions.
        """
        features[_REQUESTS] += 1
        features[_ITEMS] += self.items
        features[_HITS] += self.hits
        if self.slow:
            features[_SLOW] += 1
        if self.computed:
            features[_COMPUTED] += self.computed
            features[_TRITON] += round(1e6 * self.triton_s)
        if self.error or self.shed or self.fallback:
            features[_ERRORS] += self.error
            features[_SHEDS] += self.shed
            features[_FALLBACKS] += self.fallback
        if self.bypass:
            sample = (1, int(self.slow), self.items, self.computed, round(1e6 * self.triton_s))
            for place, value in enumerate(sample, _BYPASS):
                features[place] += value
        if thresholds_s and (self.bypass or not sampled):
            for place, threshold_s in enumerate(thresholds_s, len(FEATURES)):
                features[place] += self.latency_s > threshold_s


_REQUESTS, _SLOW, _ITEMS, _COMPUTED, _TRITON, _ERRORS, _SHEDS, _FALLBACKS, _HITS, _BYPASS = range(10)
SHADOWED, DIFFERING = map(FEATURES.index, ("shadowed", "differing"))
"""The indexes of these features."""
