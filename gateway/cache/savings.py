"""What hits save: seconds of Triton, and money.

    seconds of Triton per item = mean over recent calls of
                                 (seconds of the call / calls sharing Triton / items of the call)
    saved seconds              = hits × seconds of Triton per item
    saved USD                  = saved seconds × price of the Triton instance per hour / 3600

Calls that run at once share Triton. At least as many calls as the model has instances are taken to
share it, so the figure is what an item takes of a busy machine and leaves out what an idle machine
wastes. Hits before the first call are counted once that call has been measured.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from gateway.observability import metrics

RECENT_CALLS = 100


class Savings:
    """The savings of one packaged version.

    `instances` of it run at once on a Triton of this price; None: the price is not known.
    """

    def __init__(self, model: str, version: int, instances: int, price_usd_per_hour: float | None) -> None:
        self.instances = instances
        self._usd_per_s = (price_usd_per_hour or 0.0) / 3600
        self._seconds = metrics.CACHE_SAVED_SECONDS.labels(model, version)
        self._usd = metrics.CACHE_SAVED_USD.labels(model, version)
        self._in_flight = 0
        self._measured = 0
        self._uncounted = 0
        self.item_s: float | None = None

    @contextmanager
    def call(self, items: int) -> Iterator[None]:
        """Measure one call to Triton; a call that fails does not count."""
        began = perf_counter()
        self._in_flight += 1
        sharing = max(self._in_flight, self.instances)
        try:
            yield
            self.measure((perf_counter() - began) / sharing / items)
        finally:
            self._in_flight -= 1

    def measure(self, item_s: float) -> None:
        """Add a measured time per item, in seconds, to the mean."""
        self._measured = min(self._measured + 1, RECENT_CALLS)
        mean = self.item_s or 0.0
        self.item_s = mean + (item_s - mean) / self._measured

    def hit(self, items: int) -> None:
        """Count items that Triton did not have to answer; `flush` adds them to the metrics."""
        self._uncounted += items

    def flush(self) -> None:
        """Bring the metrics up to date."""
        if self.item_s is None or not self._uncounted:
            return
        seconds, self._uncounted = self._uncounted * self.item_s, 0
        self._seconds.inc(seconds)
        if self._usd_per_s:
            self._usd.inc(seconds * self._usd_per_s)
