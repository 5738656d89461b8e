"""Predictions without a model: numbers drawn from a hash of the version and the texts. Pure.

Equal items have equal predictions, other items and other versions have others, on every machine.
"""

import hashlib
import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from gateway.errors import InvalidRequest
from gateway.request.prediction import Item
from gateway.request.row import width_of
from model_repository import postprocessing
from model_repository.manifest import Manifest

Predict = Callable[[Manifest, Item], Any]
"""The prediction for an item: a list of numbers, or what its row holds as JSON.

| task | prediction |
| --- | --- |
| text-classification | a score for each label, in the manifest's order |
| feature-extraction | the embedding |
| text-ranking | [relevance] |
| token-classification | [{"label", "score", "start", "end"}, …] |
| question-answering | [{"answer", "start", "end", "score"}, …], best first |
| zero-shot-classification | {"labels": […], "scores": […]}, best first |
| another | as many numbers as its rows hold; [number] where they hold JSON |

An `InvalidRequest` that it raises is the fault of this item alone.
"""
Parameters = Mapping[str, Any]
_UINT32_VALUES = 2**32


def predict(manifest: Manifest, item: Item) -> Any:
    """A prediction that is valid for the version's task.

    Raises:
        InvalidRequest: a text is not UTF-8.
    """
    texts = _texts(item)
    draws = _Draws(manifest.digest.encode(), *(part or b"" for part in item))
    parameters = orjson.loads(item.parameters) if item.parameters else {}
    if manifest.task in _JSON:
        return _JSON[manifest.task](manifest, texts, parameters, draws)
    return _numbers(manifest, parameters, draws)


def _texts(item: Item) -> list[str]:
    try:
        return [text.decode() for text in (item.text, item.text_pair) if text is not None]
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"The text is not valid UTF-8: byte {exc.start} cannot be decoded.") from exc


class _Draws:
    """Numbers in (0, 1) that depend on the seeds alone."""

    def __init__(self, *seeds: bytes) -> None:
        self._seed = b"\0".join(seeds)

    def take(self, count: int) -> list[float]:
        """The first `count` numbers."""
        raw = hashlib.shake_256(self._seed).digest(4 * count)
        return [(number + 0.5) / _UINT32_VALUES for number in struct.unpack(f"<{count}I", raw)]


def _numbers(manifest: Manifest, parameters: Parameters, draws: _Draws) -> list[float]:
    drawn = draws.take(width_of(manifest) or 1)
    if parameters.get("function_to_apply") == "none":
        return [2 * number - 1 for number in drawn]
    match manifest.postprocessing:
        case postprocessing.FeatureExtraction(normalize=normalize):
            centred = [2 * number - 1 for number in drawn]
            length = math.hypot(*centred) if parameters.get("normalize", normalize) else 1.0
            return [number / length for number in centred]
        case postprocessing.TextClassification(function="softmax"):
            return _shares(drawn)
        case postprocessing.TextClassification(function="identity") | postprocessing.TextRanking(function="identity" | "tanh"):
            return [2 * number - 1 for number in drawn]
    return drawn


def _shares(drawn: list[float]) -> list[float]:
    """Positive numbers whose sum is 1, from a flat Dirichlet distribution."""
    weights = [-math.log(number) for number in drawn]
    total = sum(weights)
    return [weight / total for weight in weights]


def _entities(manifest: Manifest, texts: list[str], parameters: Parameters, draws: _Draws) -> list[dict[str, Any]]:
    """About half of the words."""
    kinds = sorted({label.partition("-")[2] or label for label in manifest.labels} - {"O"})
    words = list(re.finditer(r"\S+", texts[0]))
    drawn = zip(words, draws.take(len(words)), strict=True)
    return [
        {"label": kinds[int(2 * number * len(kinds))], "score": 1 - number, "start": word.start(), "end": word.end()}
        for word, number in drawn
        if number < 0.5 and kinds
    ]


def _spans(manifest: Manifest, texts: list[str], parameters: Parameters, draws: _Draws) -> list[dict[str, Any]]:
    """Single words of the context."""
    words = list(re.finditer(r"\S+", texts[-1]))
    best_first = sorted(zip(draws.take(len(words)), words, strict=True), key=lambda pair: -pair[0])
    return [
        {"answer": word[0], "start": word.start(), "end": word.end(), "score": score}
        for score, word in best_first[: parameters.get("top_k", 1)]
    ]


def _ranked_labels(manifest: Manifest, texts: list[str], parameters: Parameters, draws: _Draws) -> dict[str, list[Any]]:
    labels = parameters.get("candidate_labels", [])
    drawn = draws.take(len(labels))
    scores = drawn if parameters.get("multi_label") or len(labels) == 1 else _shares(drawn)
    best_first = sorted(zip(scores, labels, strict=True), key=lambda pair: -pair[0])
    return {"labels": [label for _, label in best_first], "scores": [score for score, _ in best_first]}


_JSON: Mapping[str, Callable[[Manifest, list[str], Parameters, _Draws], Any]] = {
    "token-classification": _entities,
    "question-answering": _spans,
    "zero-shot-classification": _ranked_labels,
}
