"""The reference's answers: each text by itself, and independent texts at once on all cores."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import local
from typing import Any

import numpy as np
import torch
from headrace_backend.items import Item

from export.errors import ExportError, first_line
from export.graphs.batches import Padded
from export.graphs.serving import Outputs
from export.graphs.subject import Subject
from export.tasks.libraries import Ask, Libraries
from export.tasks.task import Task

TRIES = 3
"""Answers of each worker by which ways of asking are compared."""
WORTH_COPIES = 64
"""With fewer texts, copies of a library for more workers take longer than they save."""
MOST_WORKERS = 16
"""Beyond this the program between the models' operations, of which one runs at a time, is the
bottleneck."""

Advance = Callable[[int, int], None]
Named = Mapping[Item, str]
"""What a message calls an item."""


@dataclass(frozen=True)
class Way:
    """How texts are asked: this many at once, each with this many threads of PyTorch."""

    workers: int
    threads: int


def ask_alone(task: Task, subject: Subject, libraries: Callable[[], Libraries], advance: Advance) -> Outputs:
    """The reference's answers to the subject's items and then to its own texts.

    Each is asked by itself, by the library that users compare with; equal ones once. Where the
    recipe reads long texts in windows and the library has none, a text of several windows is
    answered by PyTorch, window by window, and joined as the backend joins them. `libraries` makes a
    copy for each worker: a tokenizer, and many a model, keeps a state while it answers.

    Raises:
        ExportError: the library cannot answer a text.
    """
    serving, items = subject.serving, [*subject.items, *subject.own_items]
    named = {item: f"text {number} of the evaluation set" for number, item in reversed([*enumerate(subject.items, start=1)])}
    named = {item: named.get(item, "one of export's own texts") for item in items}
    windowed = set()
    if serving.answering.windows is not None and not task.reads_windows:
        windowed = {item for item in named if len(serving.encode(queries := serving.queries([item]))) > len(queries)}
    whole = [item for item in named if item not in windowed]

    def done(count: int) -> None:
        advance(count, len(named))

    answers = dict(zip(whole, _answered(lambda: task.reference(libraries()), whole, named, done), strict=True))
    by_window = Padded(subject.run, subject.encoded.pad_id)
    for item in windowed:
        answers[item] = serving.answer(by_window, [item])[0]
        done(len(answers))
    rows = [answers[item] for item in items]
    return np.stack(rows) if serving.backend.widths else rows


def _answered(make: Callable[[], Ask], items: Sequence[Item], named: Named, done: Callable[[int], None]) -> list[Any]:
    """Answers of items in their order, asked in the fastest way."""
    if not items:
        return []
    usual, asks = torch.get_num_threads(), [make()]
    ways = [Way(1, usual), Way(1, 1)]
    if usual > 1 and len(items) >= WORTH_COPIES:
        workers = min(usual, MOST_WORKERS)
        asks += [make() for _ in range(workers - 1)]
        ways.append(Way(workers, 1))
    try:
        way = ways[0] if usual == 1 else _fastest(ways, asks, sorted(items, key=lambda item: len(item.text))[len(items) // 2], named)
        return _ask(way, asks, items, named, done)
    finally:
        torch.set_num_threads(usual)


def _fastest(ways: Sequence[Way], asks: Sequence[Ask], item: Item, named: Named) -> Way:
    """The way in which an item is answered most often in a second.

    In a small model threads wait for each other longer than they work, all the more on a machine
    that has other work to do.
    """
    # the first answer of each copy takes longer than those after it
    _ask(Way(len(asks), 1), asks, [item] * len(asks), named, lambda count: None)
    seconds = {}
    for way in ways:
        began = time.perf_counter()
        _ask(way, asks, [item] * TRIES * way.workers, named, lambda count: None)
        seconds[way] = (time.perf_counter() - began) / way.workers
    return min(seconds, key=seconds.__getitem__)


def _ask(way: Way, asks: Sequence[Ask], items: Sequence[Item], named: Named, done: Callable[[int], None]) -> list[Any]:
    free, mine, found = SimpleQueue[Ask](), local(), list[Any]()
    for ask in asks[: way.workers]:
        free.put(ask)

    def begin() -> None:
        torch.set_num_threads(way.threads)
        mine.ask = free.get()

    def answer(item: Item) -> Any:
        return _answer(mine.ask, item, named[item])

    workers = ThreadPoolExecutor(way.workers, "reference", begin)
    try:
        for count, answered in enumerate(workers.map(answer, items), start=1):
            found.append(answered)
            done(count)
    finally:
        workers.shutdown(cancel_futures=True)
    return found


def _answer(ask: Ask, item: Item, name: str) -> Any:
    try:
        return ask(item)
    except Exception as exc:  # models and libraries raise anything for what they cannot take
        raise ExportError(
            f"{name}: the library that the packaged version is compared with cannot answer {item.text.decode()[:40]!r} "
            f"({first_line(exc)}); if it stands in a file of yours, remove it there"
        ) from exc
