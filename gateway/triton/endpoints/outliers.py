"""Ejecting endpoints that answer worse than the others. Pure: the clock is passed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

INTERVAL_S = 5.0
MIN_CALLS = 5
MIN_CALLS_FOR_TIMES = 20
FAILED_SHARE = 0.5
TIMES_SLOWER = 4.0
REST_S, LONGEST_REST_S = 10.0, 120.0


@dataclass(slots=True)
class Record:
    """The calls to an endpoint in this interval, and until when it is ejected."""

    answered: int = 0
    failed: int = 0
    seconds: float = 0.0
    ejected_until_s: float = 0.0
    ejections: int = 0

    def is_ejected(self, now_s: float) -> bool:
        """Whether no calls are sent to it."""
        return now_s < self.ejected_until_s

    def succeeded(self, took_s: float) -> None:
        """A call was answered after so many seconds."""
        self.answered += 1
        self.seconds += took_s

    @property
    def calls(self) -> int:
        """How many calls of this interval count."""
        return self.answered + self.failed

    @property
    def failed_share(self) -> float:
        """The share of the calls that failed, 0 without calls."""
        return self.failed / self.calls if self.calls else 0.0

    @property
    def mean_s(self) -> float:
        """The mean time of an answered call, 0 without any."""
        return self.seconds / self.answered if self.answered else 0.0


class Outliers:
    """Judges the endpoints once an interval.

    At most half of them are ejected at a time, so a lone endpoint never is.
    """

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s

    def judge(self, records: Mapping[str, Record], now_s: float) -> dict[str, str]:
        """Eject the endpoints that did worse than the others; the reasons by name.

        Nothing happens before the interval is over.
        """
        if now_s - self._since_s < INTERVAL_S:
            return {}
        self._since_s = now_s
        ejected: dict[str, str] = {}
        room = len(records) // 2 - sum(record.is_ejected(now_s) for record in records.values())
        worst_first = sorted(records, key=lambda name: (records[name].failed_share, records[name].mean_s), reverse=True)
        for name in worst_first:
            record = records[name]
            others = [other for key, other in records.items() if key != name and key not in ejected and not other.is_ejected(now_s)]
            if len(ejected) < room and not record.is_ejected(now_s) and (reason := _fault(record, others)):
                ejected[name] = reason
                record.ejections += 1
                record.ejected_until_s = now_s + min(REST_S * 2 ** (record.ejections - 1), LONGEST_REST_S)
        for name, record in records.items():
            if record.calls and name not in ejected:
                record.ejections = max(0, record.ejections - 1)
            record.answered, record.failed, record.seconds = 0, 0, 0.0
        return ejected


def _fault(record: Record, others: list[Record]) -> str | None:
    calls = sum(other.calls for other in others)
    if record.calls >= MIN_CALLS and calls >= MIN_CALLS:
        share = sum(other.failed for other in others) / calls
        if record.failed_share >= FAILED_SHARE and record.failed_share > 2 * share:
            return "failures"
    times = [other.mean_s for other in others if other.answered >= MIN_CALLS_FOR_TIMES]
    if times and record.answered >= MIN_CALLS_FOR_TIMES and record.mean_s > TIMES_SLOWER * median(times):
        return "slowness"
    return None
