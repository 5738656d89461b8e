"""Token classification: entities with character offsets.

The aggregation strategies are those of transformers' pipeline.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace_backend import parameters as given
from headrace_backend.functions import Floats, softmax
from headrace_backend.items import Query, Window
from headrace_backend.tasks.task import Result, Task, only

_OUTSIDE = "O"


class Token(NamedTuple):
    """A token that stands for characters `start` to before `end`.

    `scores` [labels] are those of its labels; `continues` says that it belongs to the word before.
    """

    start: int
    end: int
    scores: Floats
    continues: bool


class Entity(NamedTuple):
    """Characters `start` to before `end` with a label."""

    label: str
    score: float
    start: int
    end: int


Strategy = Callable[[list[Token], Sequence[str]], list[Entity]]


def _best(tokens: Sequence[Token], scores: Floats, labels: Sequence[str]) -> Entity:
    at = int(scores.argmax())
    return Entity(labels[at], float(scores[at]), tokens[0].start, tokens[-1].end)


def _each(tokens: list[Token], labels: Sequence[str]) -> list[Entity]:
    return [_best([token], token.scores, labels) for token in tokens]


def _words(tokens: list[Token]) -> list[list[Token]]:
    words: list[list[Token]] = []
    for token in tokens:
        if token.continues and words:
            words[-1].append(token)
        else:
            words.append([token])
    return words


def _by_word(word_scores: Callable[[list[Token]], Floats]) -> Strategy:
    def strategy(tokens: list[Token], labels: Sequence[str]) -> list[Entity]:
        return _joined([_best(word, word_scores(word), labels) for word in _words(tokens)])

    return strategy


def _joined(entities: list[Entity]) -> list[Entity]:
    """Neighbours of one type in one entity; a label B-… begins a new one. The score is the mean."""
    groups: list[list[Entity]] = []
    for entity in entities:
        begins, kind = _type(entity.label)
        if groups and not begins and _type(groups[-1][-1].label)[1] == kind:
            groups[-1].append(entity)
        else:
            groups.append([entity])
    return [
        Entity(group[0].label.split("-", 1)[-1], float(np.mean([entity.score for entity in group])), group[0].start, group[-1].end)
        for group in groups
    ]


def _type(label: str) -> tuple[bool, str]:
    """(whether the label begins an entity, the entity's type).

    A label without B- or I- continues one.
    """
    prefix, dash, kind = label.partition("-")
    return (prefix == "B", kind) if dash and prefix in ("B", "I") else (False, label)


STRATEGIES: Mapping[str, Strategy] = {
    "none": _each,
    "simple": lambda tokens, labels: _joined(_each(tokens, labels)),
    "first": _by_word(lambda word: word[0].scores),
    "max": _by_word(lambda word: max((token.scores for token in word), key=lambda scores: float(scores.max()))),
    "average": _by_word(lambda word: np.mean([token.scores for token in word], axis=0)),
}
"""`none`: each token; `simple`: neighbours of one type; `first`, `max`, `average`: words first, by
their tokens' scores."""


class TokenClassification(Task):
    """`logits` float32 [batch, sequence, labels] → JSON in the order of the text:
    [{"label", "score", "start", "end"}, …].

    `start` and `end` count characters (Unicode code points) of the text. Windows overlap; where
    their entities do, the longer one stays, and of equally long ones the one with the higher score.
    """

    offsets = True

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """The task as a manifest says."""
        settings = manifest["postprocessing"]
        self._labels = manifest["labels"]
        self._subword_prefix = settings["subword_prefix"]
        self._unknown_token = settings["unknown_token"]
        self._unknown_token_id = settings.get("unknown_token_id")
        self.parameters = {"aggregation_strategy": settings["aggregation_strategy"]}

    def finish(self, fetched: Sequence[NDArray[np.float32]], windows: Sequence[Window]) -> list[Floats]:
        """Scores [tokens, labels] of each window, without padding."""
        (logits,) = fetched
        return [softmax(logits[i, : len(window.ids)]) for i, window in enumerate(windows)]

    def answer(self, query: Query, parameters: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> list[dict[str, Any]]:
        """The entities of all windows; a span that is labelled O is none."""
        strategy = given.one_of(parameters, "aggregation_strategy", STRATEGIES)
        windows = only(results)
        found = [
            entity
            for window, scores in windows
            for entity in strategy(self._tokens(query.text, window, scores), self._labels)
            if entity.label != _OUTSIDE
        ]
        return [entity._asdict() for entity in (_without_overlaps(found) if len(windows) > 1 else found)]

    def _tokens(self, text: str, window: Window, scores: Floats) -> list[Token]:
        encoding = window.encoding
        rows = zip(encoding.tokens, encoding.ids, encoding.offsets, encoding.special_tokens_mask, scores, strict=True)
        return [
            Token(start, end, token_scores, not self._is_unknown(token, index) and self._continues(text, token, start, end))
            for token, index, (start, end), special, token_scores in rows
            if not special
        ]

    def _is_unknown(self, token: str, index: int) -> bool:
        """Whether a token stands for a whole word that the tokenizer does not know.

        Unigram's encoding shows such a word itself; versions from before ids were told have names.
        """
        return token == self._unknown_token if self._unknown_token_id is None else index == self._unknown_token_id

    def _continues(self, text: str, token: str, start: int, end: int) -> bool:
        """Whether a token continues the word before.

        The tokenizer's mark says so; without marks, no space before it does.
        """
        if self._subword_prefix:
            return len(token) != end - start
        return start > 0 and " " not in text[start - 1 : start + 1]


TASK = TokenClassification


def _without_overlaps(entities: list[Entity]) -> list[Entity]:
    ordered = sorted(entities, key=lambda entity: entity.start)
    kept = ordered[:1]
    for entity in ordered[1:]:
        before = kept[-1]
        if entity.start >= before.end:
            kept.append(entity)
        elif (entity.end - entity.start, entity.score) > (before.end - before.start, before.score):
            kept[-1] = entity
    return kept
