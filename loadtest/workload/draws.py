"""Which requests are sent, in which order.

Pure: the same workload, corpus and seed give the same requests.

A unique text is a corpus text with the salt and a counter appended, so no cache can have seen it.
A repeated text comes from a pool that is sent once before the measurement, so the cache has it: the
share of repeats is the hit rate that is offered. By Zipf's law, texts come from a catalogue, and a
repeat is a text that was sent before in this run.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, count
from random import Random
from typing import NamedTuple

from loadtest.arrivals.recorded import TraceRow, read_trace
from loadtest.workload.workload import LengthBand, Workload, WorkloadError
from loadtest.workload.zipf import ZipfRanks

POOL_SIZE = 64
"""How many texts the repeats are drawn from."""
Uniform = Callable[[], float]
"""Gives a random number from [0, 1) at each call."""


class Item(NamedTuple):
    """One text: its index in the corpus, and the tag that is appended to it.

    `p3` is of the pool, `u17` unique, `z5` of the catalogue.
    """

    corpus_index: int
    tag: str


ItemSource = Callable[[Uniform, int, int | None], tuple[tuple[Item, ...], int]]
"""Gives the texts of a request, and how many of them are repeats.

It takes a random source, the number of texts, and how many of them have to be repeats (None: as the
workload has it).
"""


class Draw(NamedTuple):
    """One request: the target's index, the texts, how many of them repeat, and the unit's id."""

    target: int
    items: tuple[Item, ...]
    repeats: int
    unit_id: str


def text_of(item: Item, corpus: Sequence[str], salt: str) -> str:
    """The text as it is sent."""
    return f"{corpus[item.corpus_index]} {salt}{item.tag}"


def pool(workload: Workload, corpus: Sequence[str], seed: int) -> tuple[Item, ...]:
    """The texts that repeats are drawn from, which have to be sent before the measurement.

    There are none where repeats do not come from a pool.
    """
    if workload.zipf is not None or (workload.repeat == 0 and workload.trace is None):
        return ()
    random = _seeded(seed, "pool")
    choose = _corpus_chooser(workload.lengths, corpus)
    return tuple(Item(choose(random.random), f"p{index}") for index in range(POOL_SIZE))


def draws(workload: Workload, corpus: Sequence[str], seed: int) -> Iterator[Draw]:
    """The requests in the order in which they are due: without end, except those of a trace."""
    uniform = _seeded(seed, "requests").random
    items = _catalogue_items(workload, corpus, seed) if workload.zipf is not None else _pool_items(workload, corpus, seed)
    target = _weighted([target.weight for target in workload.targets])
    size = _weighted([size.weight for size in workload.batch_sizes])
    units = ZipfRanks(workload.unit_exponent, workload.units) if workload.unit_exponent else None
    recorded = None if workload.trace is None else read_trace(workload.trace)
    while True:
        row = None if recorded is None else next(recorded, None)
        if recorded is not None and row is None:
            return
        unit = units.rank(uniform()) if units is not None else int(uniform() * workload.units)
        chosen = target(uniform)
        texts = workload.batch_sizes[size(uniform)].texts
        unit_id = f"unit-{unit}"
        if row is not None:
            chosen, texts, unit_id = _recorded_target(workload, row, chosen), row.texts, row.unit or unit_id
        given, repeats = items(uniform, texts, None if row is None else row.hits)
        yield Draw(chosen, given, repeats, unit_id)


def _pool_items(workload: Workload, corpus: Sequence[str], seed: int) -> ItemSource:
    repeated = pool(workload, corpus, seed)
    choose = _corpus_chooser(workload.lengths, corpus)
    number = count()
    share = workload.repeat

    def items(uniform: Uniform, texts: int, hits: int | None) -> tuple[tuple[Item, ...], int]:
        given = []
        repeats = 0
        for index in range(texts):
            if uniform() < share if hits is None else index < hits:
                given.append(repeated[int(uniform() * POOL_SIZE)])
                repeats += 1
            else:
                given.append(Item(choose(uniform), f"u{next(number)}"))
        return tuple(given), repeats

    return items


def _catalogue_items(workload: Workload, corpus: Sequence[str], seed: int) -> ItemSource:
    if workload.zipf is None:
        raise WorkloadError("zipf must be given")
    random = _seeded(seed, "catalogue")
    choose = _corpus_chooser(workload.lengths, corpus)
    catalogue = [Item(choose(random.random), f"z{rank}") for rank in range(workload.zipf.texts)]
    ranks = ZipfRanks(workload.zipf.exponent, workload.zipf.texts)
    seen = bytearray(workload.zipf.texts)

    def items(uniform: Uniform, texts: int, _hits: int | None) -> tuple[tuple[Item, ...], int]:
        given = []
        repeats = 0
        for _ in range(texts):
            rank = ranks.rank(uniform())
            repeats += seen[rank]
            seen[rank] = 1
            given.append(catalogue[rank])
        return tuple(given), repeats

    return items


def _recorded_target(workload: Workload, row: TraceRow, otherwise: int) -> int:
    """The index of the target that was recorded, or `otherwise` where the workload lacks it."""
    for index, target in enumerate(workload.targets):
        if target.model == row.model and target.version in (None, row.version):
            return index
    return otherwise


def _corpus_chooser(bands: Sequence[LengthBand], corpus: Sequence[str]) -> Callable[[Uniform], int]:
    if not bands:
        return lambda uniform: int(uniform() * len(corpus))
    words = [len(text.split()) for text in corpus]
    members = [[index for index, length in enumerate(words) if band.min_words <= length <= band.max_words] for band in bands]
    for band, indexes in zip(bands, members, strict=True):
        if not indexes:
            raise WorkloadError(f"lengths: the corpus has no text of {band.min_words} to {band.max_words} words")
    band_of = _weighted([band.weight for band in bands])

    def choose(uniform: Uniform) -> int:
        indexes = members[band_of(uniform)]
        return indexes[int(uniform() * len(indexes))]

    return choose


def _weighted(weights: Sequence[float]) -> Callable[[Uniform], int]:
    if len(weights) == 1:
        return lambda _uniform: 0
    bounds = list(accumulate(weights))

    def choose(uniform: Uniform) -> int:
        at = uniform() * bounds[-1]
        return next((index for index, bound in enumerate(bounds) if at < bound), len(bounds) - 1)

    return choose


def _seeded(seed: int, what: str) -> Random:
    return Random(f"{seed} {what}")  # noqa: S311 - reproducible, not secret
