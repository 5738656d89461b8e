"""The demo's second step: each text is asked for twice.

It is computed the first time, and read from the cache the second time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loadtest.demo.asking import RefusedError, ask
from loadtest.target.client import Client


@dataclass(frozen=True, slots=True)
class Twice:
    """The first and the second answer: the median latency over the texts, and their `X-Cache`."""

    texts: int
    first_ms: float
    second_ms: float
    first_cache: str
    second_cache: str


def ask_twice(client: Client, texts: Sequence[str]) -> Twice:
    """Ask about each text twice for the same unit, one request at a time.

    Raises:
        RefusedError: a request was refused, the second answer did not come from the cache, or it
            was another than the first.
    """
    pairs = [(ask(client, text, "reader-0"), ask(client, text, "reader-0")) for text in texts]
    for first, second in pairs:
        if (first.cache, second.cache) != ("miss", "hit"):
            raise RefusedError(f"The cache did not do its work: first {first.cache or 'nothing'}, then {second.cache or 'nothing'}.")
        if (first.label, first.score) != (second.label, second.score):
            raise RefusedError("The cache gave another answer than the model.")
    return Twice(
        len(pairs),
        median(first.latency_ms for first, _ in pairs),
        median(second.latency_ms for _, second in pairs),
        pairs[0][0].cache,
        pairs[0][1].cache,
    )
