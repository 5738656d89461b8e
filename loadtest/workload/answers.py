"""Whether the body of a 200 answers what was asked, in each dialect. Pure.

Each function takes the decoded body, the number of texts that were sent and the name of the output
that was asked for (Open Inference Protocol only; "": the first). It gives the reason why the body
is no answer, "" where it is one.
"""

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

NOT_ONE_EACH = "the answer does not hold one prediction for each text"
NO_VECTOR = "an embedding in the answer is no list of numbers"
NO_LABELS = "a prediction in the answer is no list of a label and a score each"
NO_SCORE = "a ranked text in the answer has no index and score"
WRONG_INDEXES = "the indexes in the answer are not those of the texts"


def predictions(body: Any, texts: int, _output: str) -> str:
    """KServe V1: `{"predictions": […]}`, whose form is the model's own."""
    listed = body.get("predictions") if isinstance(body, dict) else None
    if not isinstance(listed, list) or len(listed) != texts:
        return NOT_ONE_EACH
    return "a prediction in the answer is null" if None in listed else ""


def output_tensor(body: Any, texts: int, output: str) -> str:
    """Open Inference Protocol: an output with a row for each text.

    It holds as many values as its shape says.
    """
    outputs = body.get("outputs") if isinstance(body, dict) else None
    if not isinstance(outputs, list) or not outputs or not all(isinstance(tensor, dict) for tensor in outputs):
        return "the answer has no outputs"
    found = next((tensor for tensor in outputs if output in ("", tensor.get("name"))), None)
    if found is None:
        return f"the answer has no output {output!r}; it has {', '.join(str(tensor.get('name')) for tensor in outputs)}"
    shape, data = found.get("shape"), found.get("data")
    if not isinstance(shape, list) or not shape or not all(type(size) is int for size in shape) or shape[0] != texts:
        return NOT_ONE_EACH
    if not isinstance(data, list) or _count(data) != prod(shape):
        return "an output in the answer does not hold as many values as its shape says"
    return ""


def openai_embeddings(body: Any, texts: int, _output: str) -> str:
    """OpenAI: `{"data": [{"index": 0, "embedding": […]}, …]}`."""
    listed = body.get("data") if isinstance(body, dict) else None
    if not isinstance(listed, list) or len(listed) != texts:
        return NOT_ONE_EACH
    if not all(isinstance(entry, dict) for entry in listed):
        return NO_VECTOR
    return _vectors([entry.get("embedding") for entry in listed]) or _indexes(listed, texts)


def tei_embeddings(body: Any, texts: int, _output: str) -> str:
    """TEI's `/embed`: a list of embeddings."""
    return _vectors(body) if _is_list_of(body, texts) else NOT_ONE_EACH


def tei_labels(body: Any, texts: int, _output: str) -> str:
    """TEI's `/predict` of a batch: a list of `{"label": …, "score": …}` for each text."""
    if not _is_list_of(body, texts):
        return NOT_ONE_EACH
    return "" if all(isinstance(row, list) and row and all(map(_is_label, row)) for row in body) else NO_LABELS


def tei_ranks(body: Any, texts: int, _output: str) -> str:
    """TEI's `/rerank`: `{"index": …, "score": …}` of each text, in any order."""
    if not _is_list_of(body, texts):
        return NOT_ONE_EACH
    if not all(isinstance(rank, dict) and _is_number(rank.get("score")) for rank in body):
        return NO_SCORE
    return _indexes(body, texts)


Answers = Callable[[Any, int, str], str]


def _vectors(rows: Sequence[Any]) -> str:
    if not all(isinstance(row, list) and row for row in rows):
        return NO_VECTOR
    try:
        for row in rows:
            sum(row)  # the cheapest way to look at each number: what is none cannot be added
    except TypeError:
        return NO_VECTOR
    return "" if len({len(row) for row in rows}) == 1 else "the embeddings in the answer differ in length"


def _indexes(entries: Iterable[dict[str, Any]], texts: int) -> str:
    found = [entry.get("index") for entry in entries]
    return "" if all(type(index) is int for index in found) and set(found) == set(range(texts)) else WRONG_INDEXES


def _is_list_of(body: Any, length: int) -> bool:
    return isinstance(body, list) and len(body) == length


def _is_label(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("label"), str) and _is_number(entry.get("score"))


def _is_number(value: Any) -> bool:
    return type(value) in (float, int)


def _count(data: list[Any]) -> int:
    """The values of a tensor, whose rows may be nested."""
    return sum(_count(part) if isinstance(part, list) else 1 for part in data)
