"""A Triton's pages of metrics, which are read while a load runs."""

from collections.abc import Callable
from urllib.parse import urlsplit

from loadtest.observation.exposition import ExpositionError, read_samples
from loadtest.observation.triton_counts import INFERENCES, Page, describe_triton
from loadtest.results.observed import TritonUse
from loadtest.target.client import Client, NoAnswerError

METRICS_PATH = "/metrics"
TIMEOUT_S = 2.0
OK = 200


class MetricsError(ValueError):
    """An address that shows no metrics of a Triton; the message is one sentence."""


class WatchedTriton:
    """The metrics at `url` (with or without the path /metrics), read at each call of `look`.

    `now_s` is any clock.

    Raises:
        MetricsError: nobody answers there, or what answers shows no metrics of a Triton.
    """

    def __init__(self, url: str, now_s: Callable[[], float]) -> None:
        parts = urlsplit(url)
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path if parts.path not in {"", "/"} else METRICS_PATH
        self._client = Client(self.url, timeout_s=TIMEOUT_S)
        self._now_s = now_s
        self._pages: list[Page] = []
        self._silent_s: float | None = None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise MetricsError(f"--triton-metrics must be like http://HOST:8002/metrics, not {url!r}.")
        try:
            page = self._read()
            # the first look may come long after, when Triton has closed an idle connection
            self._client.close()
        except (NoAnswerError, ExpositionError) as exc:
            raise MetricsError(f"There are no metrics at {self.url}{self._path}: {exc}") from exc
        if INFERENCES not in page.samples:
            raise MetricsError(f"{self.url}{self._path} shows no metric {INFERENCES}: it is no Triton's.")

    def look(self) -> None:
        """Read the metrics; where nobody answers, remember since when that is."""
        now_s = self._now_s()
        try:
            self._pages.append(self._read())
            self._silent_s = None
        except (NoAnswerError, ExpositionError):
            self._silent_s = now_s if self._silent_s is None else self._silent_s

    def use(self, began_s: float) -> TritonUse:
        """What it did since `began_s` on the clock, counted from the last page before that."""
        first = max((index for index, page in enumerate(self._pages) if page.at_s <= began_s), default=0)
        pages = [page._replace(at_s=page.at_s - began_s) for page in self._pages[first:]]
        return describe_triton(self.url, pages, None if self._silent_s is None else self._silent_s - began_s)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _read(self) -> Page:
        status, text = self._client.text(self._path)
        if status != OK:
            raise ExpositionError(f"status {status}")
        return Page(self._now_s(), read_samples(text))
