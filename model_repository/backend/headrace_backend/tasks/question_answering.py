"""Extractive question answering: the span of a context that answers a question.

TEXT is the question, TEXT_PAIR the context.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace_backend import parameters as given
from headrace_backend.functions import Floats, softmax
from headrace_backend.items import Query, Window
from headrace_backend.tasks.task import Result, Task, only

_IMPOSSIBLE = np.float32(-10000.0)
_CONTEXT = 1
"""The tokenizer's number of the second text."""


class Span(NamedTuple):
    """Characters of the context, from `start` to before `end`; `score` is the probability that they
    answer."""

    start: int
    end: int
    score: float


class QuestionAnswering(Task):
    """`start_logits` and `end_logits` float32 [batch, sequence] → JSON, best first:
    [{"answer", "start", "end", "score"}, …].

    Long contexts are read in overlapping windows. A span's score is the product of the
    probabilities that it begins and that it ends there, over the context's tokens of its window;
    spans of the same words add up. transformers' pipeline does the same (Devlin et al., 2019,
    section 4.2, with probabilities in place of logits).
    """

    graph_outputs = ("start_logits", "end_logits")
    pair = True
    cut = "only_second"
    offsets = True

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """The task as a manifest says."""
        settings = manifest["postprocessing"]
        self.stride = (manifest.get("windows") or {}).get("stride", min(manifest["max_length"] // 2, 128))
        self.parameters = {
            "top_k": 1,
            "max_answer_length": settings["max_answer_length"],
            "handle_impossible_answer": settings["handle_impossible_answer"],
        }

    def finish(self, fetched: Sequence[NDArray[np.float32]], windows: Sequence[Window]) -> list[tuple[Floats, Floats]]:
        """Start and end logits of each window, without padding."""
        starts, ends = fetched
        return [(starts[i, : len(window.ids)], ends[i, : len(window.ids)]) for i, window in enumerate(windows)]

    def answer(self, query: Query, parameters: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> list[dict[str, Any]]:
        """The best spans of all windows."""
        context = query.text_pair or ""
        top_k, max_tokens = given.positive(parameters, "top_k"), given.positive(parameters, "max_answer_length")
        found: dict[str, Span] = {}
        null_score = 1.0
        for window, (start_logits, end_logits) in only(results):
            inside, first = _context(window)
            starts, ends = _probabilities(start_logits, inside, first), _probabilities(end_logits, inside, first)
            null_score = min(null_score, float(starts[0] * ends[0]))
            starts[0] = ends[0] = 0.0
            for span in _spans(window.encoding, starts, ends, inside, candidates=2 * top_k + 10, max_tokens=max_tokens):
                key = context[span.start : span.end].lower()
                seen = found.get(key)
                found[key] = seen._replace(score=seen.score + span.score) if seen else span
        spans = list(found.values())
        if parameters["handle_impossible_answer"]:
            spans.append(Span(0, 0, null_score))
        spans.sort(key=lambda span: span.score, reverse=True)
        return [{"answer": context[s.start : s.end], "start": s.start, "end": s.end, "score": s.score} for s in spans[:top_k]]


TASK = QuestionAnswering


def _context(window: Window) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks [tokens] of the context's tokens, and of the first one, which means "no answer"."""
    inside = np.array([sequence == _CONTEXT for sequence in window.encoding.sequence_ids])
    first = np.zeros_like(inside)
    first[0] = True
    return inside, first


def _probabilities(logits: Floats, inside: NDArray[np.bool_], first: NDArray[np.bool_]) -> Floats:
    return softmax(np.where(inside | first, logits, _IMPOSSIBLE))


def _spans(encoding: Any, starts: Floats, ends: Floats, inside: NDArray[np.bool_], *, candidates: int, max_tokens: int) -> Iterator[Span]:
    scores = np.tril(np.triu(np.outer(starts, ends)), max_tokens - 1).ravel()
    best = np.argpartition(-scores, candidates)[:candidates] if candidates < len(scores) else np.arange(len(scores))
    for at in best[np.argsort(-scores[best], kind="stable")]:
        if scores[at] == 0:
            break  # the rest ends before it begins, is too long, or lies outside of the context
        start, end = divmod(int(at), len(ends))
        if inside[start] and inside[end]:
            yield Span(*_characters(encoding, start, end), float(scores[at]))


def _characters(encoding: Any, start: int, end: int) -> tuple[int, int]:
    """The characters of the whole words from token `start` to token `end`."""
    first, last = encoding.token_to_word(start), encoding.token_to_word(end)
    if first is None or last is None:
        return encoding.offsets[start][0], encoding.offsets[end][1]
    begin, finish = encoding.word_to_chars(first, _CONTEXT), encoding.word_to_chars(last, _CONTEXT)
    # a word at a window's edge is not known whole there
    return (begin or encoding.offsets[start])[0], (finish or encoding.offsets[end])[1]
