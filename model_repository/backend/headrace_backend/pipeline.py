"""The life of a batch of items, whose answers come in the order of arrival.

Queries → windows of tokens → plan → run each sub-batch → answers.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace_backend import parameters
from headrace_backend.cost import CostModel
from headrace_backend.errors import TextError
from headrace_backend.items import Encoded, Item, Query, Window
from headrace_backend.metrics import Counts, SubBatch
from headrace_backend.planner import plan
from headrace_backend.tasks.task import Result, Task, require_pair
from headrace_backend.tokenizer import TextTokenizer, decode

logger = logging.getLogger(__name__)
T = TypeVar("T")
_FAILED = "The model failed on this text."
_NOT_FINITE = "The model gave no finite number for this text."


class Runs(Protocol):
    """What runs a sub-batch: a `Session`, or whatever gives the same outputs."""

    def run(self, windows: Sequence[Window]) -> Sequence[NDArray[np.float32]]:
        """The task's graph outputs [batch, …] for windows, padded to the longest."""
        ...


@dataclass(frozen=True)
class Answers:
    """Rows in the order of the items."""

    outputs: Mapping[str, NDArray[np.float32]]
    """float32 [items, width] by Triton output; the row of an item that failed is NaN."""
    json: list[bytes]
    """The answers of a task without such outputs; empty for an item that failed."""
    tokens: NDArray[np.int32]
    """[items]: the tokens of an item, special ones included, before it is cut.

    For several queries the longest counts.
    """
    errors: list[str]
    """Empty, or why this one item failed."""


class _Asked(NamedTuple):
    """An item that is understood: its queries are `first` to before `last` of all."""

    row: int
    query: Query
    parameters: Mapping[str, Any]
    first: int
    last: int


class Pipeline:
    """Everything that one instance of a packaged version needs to answer."""

    def __init__(self, tokenizer: TextTokenizer, session: Runs, task: Task, cost: CostModel, lone_session: Runs | None = None) -> None:
        """`lone_session` runs the window of a call that has only one; None: `session` does."""
        self.counts = Counts()
        self._lone_session = lone_session or session
        self._tokenizer = tokenizer
        self._session = session
        self._task = task
        self._cost = cost

    def answer(self, items: Sequence[Item]) -> Answers:
        """Answer items; one that cannot be processed fails alone."""
        answers = Answers(
            {name: np.full((len(items), width), np.nan, dtype=np.float32) for name, width in self._task.widths.items()},
            json=[b""] * len(items),
            tokens=np.zeros(len(items), dtype=np.int32),
            errors=[""] * len(items),
        )
        self.counts.add_texts(len(items))
        asked, queries = self._understand(items, answers)
        encoded = self._tokenizer.encode(queries) if queries else []
        results = self._run_planned([window for query in encoded if isinstance(query, Encoded) for window in query.windows])
        by_query = _regroup(encoded, results)
        for item in asked:
            self._answer(item, encoded[item.first : item.last], by_query[item.first : item.last], answers)
        _refuse_what_is_not_finite(asked, answers)
        return answers

    def _understand(self, items: Sequence[Item], answers: Answers) -> tuple[list[_Asked], list[Query]]:
        asked: list[_Asked] = []
        queries: list[Query] = []
        for row, item in enumerate(items):
            try:
                require_pair(self._task, item.text_pair)
                query = Query(decode(item.text), decode(item.text_pair) if self._task.pair and item.text_pair is not None else None)
                options = parameters.read(item.parameters, self._task.parameters)
                own = self._task.queries(query, options)
            except TextError as exc:
                answers.errors[row] = str(exc)
                continue
            asked.append(_Asked(row, query, options, len(queries), len(queries) + len(own)))
            queries += own
        return asked, queries

    def _run_planned(self, windows: list[Window]) -> list[Result | TextError]:
        results: list[Result | TextError] = [TextError(_FAILED)] * len(windows)
        for group in plan([len(window.ids) for window in windows], self._cost):
            members = group.tolist()
            session = self._session if len(windows) > 1 else self._lone_session
            for at, result in zip(members, self._run([windows[at] for at in members], session), strict=True):
                results[at] = result
        return results

    def _run(self, windows: list[Window], session: Runs) -> Sequence[Result | TextError]:
        try:
            return list(map(Result, windows, self._task.finish(self._fetch(windows, session), windows)))
        except Exception as exc:  # whatever goes wrong in one sub-batch, the others get their answers
            if len(windows) > 1:  # and so do, one by one, the windows beside the one that failed
                return [result for window in windows for result in self._run([window], session)]
            logger.exception("a window of %d tokens failed: %s", len(windows[0].ids), exc)
            return [TextError(_FAILED)]

    def _fetch(self, windows: list[Window], session: Runs) -> Sequence[NDArray[np.float32]]:
        start_s = time.perf_counter()
        fetched = session.run(windows)
        run_s = time.perf_counter() - start_s
        lengths = [len(window.ids) for window in windows]
        longest = max(lengths)
        self.counts.add(SubBatch(len(windows), sum(lengths), longest, self._cost.predict(len(windows), longest), run_s))
        return fetched

    def _answer(
        self, item: _Asked, encoded: Sequence[Encoded | TextError], results: Sequence[Sequence[Result] | TextError], answers: Answers
    ) -> None:
        row = item.row
        try:
            answers.tokens[row] = max(query.tokens for query in map(_sound, encoded))
            answer = self._task.answer(item.query, item.parameters, [_sound(windows) for windows in results])
            if not self._task.widths:
                answers.json[row] = _json(answer)
                return
            for name, values in answer.items():
                answers.outputs[name][row] = values
        except TextError as exc:
            answers.errors[row] = str(exc)


def _regroup(encoded: Sequence[Encoded | TextError], results: Sequence[Result | TextError]) -> list[list[Result] | TextError]:
    """The results of each query's windows, or the first fault."""
    grouped: list[list[Result] | TextError] = []
    at = 0
    for query in encoded:
        if isinstance(query, TextError):
            grouped.append(query)
            continue
        own = results[at : at + len(query.windows)]
        at += len(own)
        fault = next((result for result in own if isinstance(result, TextError)), None)
        grouped.append(fault or [result for result in own if isinstance(result, Result)])
    return grouped


def _refuse_what_is_not_finite(asked: Sequence[_Asked], answers: Answers) -> None:
    for rows in answers.outputs.values():
        finite = np.isfinite(rows).all(axis=1)
        if finite.all():
            continue
        rows[~finite] = np.nan
        for item in asked:
            if not finite[item.row]:
                answers.errors[item.row] = answers.errors[item.row] or _NOT_FINITE


def _sound(value: T | TextError) -> T:
    if isinstance(value, TextError):
        raise value
    return value


def _json(answer: Any) -> bytes:
    try:
        return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as exc:
        raise TextError(_NOT_FINITE) from exc
