"""What was seen of each request, compactly: exact latencies, 24 bytes a request, in memory and in a file."""

import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

NO_ANSWER = 0
"""The status of a request that got no answer."""


class Outcome(NamedTuple):
    """What requests can have in common. `fault` says why a request failed; it is empty for one that was answered well."""

    status: int
    version: str = ""
    variant: str = ""
    cache: str = ""
    fault: str = ""

    @property
    def failed(self) -> bool:
        """Whether the request counts as failed."""
        return bool(self.fault)


class Sample(NamedTuple):
    """One request: when its answer came (seconds since the start), its latency, the texts it repeated, the texts that hit the cache."""

    ended_s: float
    latency_ms: float
    repeats: int
    hits: int
    outcome: Outcome


class Samples:
    """All requests of a load test, in the order in which their answers came."""

    def __init__(self) -> None:
        self._outcomes: dict[Outcome, int] = {}
        self._ended_s = array("d")
        self._latency_ms = array("d")
        self._repeats = array("H")
        self._hits = array("H")
        self._outcome = array("I")

    def __len__(self) -> int:
        return len(self._ended_s)

    def __iter__(self) -> Iterator[Sample]:
        outcomes = list(self._outcomes)
        columns = zip(self._ended_s, self._latency_ms, self._repeats, self._hits, self._outcome, strict=True)
        for ended_s, latency_ms, repeats, hits, outcome in columns:
            yield Sample(ended_s, latency_ms, repeats, hits, outcomes[outcome])

    def add(self, sample: Sample) -> None:
        """Record one request."""
        self._ended_s.append(sample.ended_s)
        self._latency_ms.append(sample.latency_ms)
        self._repeats.append(sample.repeats)
        self._hits.append(sample.hits)
        self._outcome.append(self._outcomes.setdefault(sample.outcome, len(self._outcomes)))

    def write(self, file: BinaryIO) -> None:
        """Write to a file that `read` reads: a line of JSON, then the columns as this machine stores them."""
        file.write(json.dumps({"requests": len(self), "outcomes": list(self._outcomes)}).encode() + b"\n")
        for column in self._columns():
            column.tofile(file)

    @classmethod
    def read(cls, path: Path) -> "Samples":
        """What `write` wrote, on this machine."""
        samples = cls()
        with path.open("rb") as file:
            head = json.loads(file.readline())
            samples._outcomes = {Outcome(*values): index for index, values in enumerate(head["outcomes"])}
            for column in samples._columns():
                column.fromfile(file, head["requests"])
        return samples

    def _columns(self) -> "tuple[array[float] | array[int], ...]":
        return self._ended_s, self._latency_ms, self._repeats, self._hits, self._outcome
