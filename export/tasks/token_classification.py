"""Token classification: entities, judged by their labels and exact characters."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from headrace_backend.items import Item
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.errors import RecipeError
from export.evaluation.assessment import Assessment, Confusion, same_by
from export.evaluation.metrics.metric import f1_of
from export.tasks.libraries import Ask, Libraries
from export.tasks.loaded import Loaded
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.postprocessing import TokenClassification

Entities = frozenset[tuple[str, int, int]]
"""(label, start, end) of each entity of a text."""


class Right(NamedTuple):
    """The right entities of a text."""

    text: str
    entities: Entities


def _postprocessing(loaded: Loaded) -> TokenClassification:
    model = loaded.tokenizer.backend_tokenizer.model
    return TokenClassification(
        aggregation_strategy=loaded.wished.get("aggregation_strategy", "simple"),
        subword_prefix=getattr(model, "continuing_subword_prefix", None) or "",
        unknown_token=loaded.tokenizer.unk_token,
        unknown_token_id=loaded.tokenizer.unk_token_id,
    )


def _items(dataset: Dataset, answering: Answering) -> list[Item]:
    settings = answering.postprocessing
    # tokens by themselves are no entities that could be compared
    by_token = isinstance(settings, TokenClassification) and settings.aggregation_strategy == "none"
    parameters = b'{"aggregation_strategy":"simple"}' if by_token else b""
    return [Item(text.encode(), None, parameters) for text in _texts(dataset)]


def _texts(dataset: Dataset) -> list[str]:
    if _in_tokens(dataset):
        return [" ".join(map(str, tokens)) for tokens in dataset.column("tokens").lists()]
    return dataset.column("text").strings()


def right_entities(dataset: Dataset, names: Sequence[str]) -> list[Entities]:
    """The entities of each text.

    The set has `entities` ([{label, start, end}, …], in characters), or `tokens` and `tags` (B-…,
    I-…, O).

    Raises:
        RecipeError: neither can be read, or an entity has a label that the model does not have; the
            message names the place.
    """
    if _in_tokens(dataset):
        tags, tokens = dataset.column("tags").lists(), dataset.column("tokens").lists()
        for row, (own, words) in enumerate(zip(tags, tokens, strict=True)):
            if len(own) != len(words):
                raise RecipeError(f"evaluation.columns.tags: {dataset.table.where(row)} has {len(words)} tokens and {len(own)} tags")
        found = [_from_tags(list(map(str, words)), own) for words, own in zip(tokens, _tag_names(tags, names, dataset), strict=True)]
    else:
        found = dataset.column("entities").parsed().read(_from_spans, "a list of {label, start, end}")
    _require_known(found, names, dataset)
    return found


def _tag_names(tags: Sequence[Sequence[object]], names: Sequence[str], dataset: Dataset) -> list[list[str]]:
    """Tags by name; numbers are the model's tags, counted from 0."""
    numbers = {tag for own in tags for tag in own if isinstance(tag, int) and not isinstance(tag, bool)}
    if not numbers or {str(number) for number in numbers} <= {*names}:
        return [list(map(str, own)) for own in tags]
    for row, own in enumerate(tags):
        if wrong := [tag for tag in own if tag not in range(len(names))]:
            raise RecipeError(
                f"{dataset.field_of('tags')}: {dataset.table.where(row)} has the tag {wrong[0]!r}, and the model's are "
                f"{', '.join(f'{at} {name}' for at, name in enumerate(names))}; write names, or these numbers"
            )
    dataset.reading.note(f"tags are class numbers: {', '.join(f'{at} is {name}' for at, name in enumerate(names))}")
    return [[names[int(str(tag))] for tag in own] for own in tags]


def _require_known(entities: Sequence[Entities], names: Sequence[str], dataset: Dataset) -> None:
    """All labels are the model's.

    Where none is, both models find nothing right, and a gate that compares them always passes.
    """
    known = sorted({name.split("-", 1)[-1] for name in names if name != "O"})
    for row, own in enumerate(entities):
        if unknown := sorted({label for label, _, _ in own} - set(known)):
            raise RecipeError(
                f"evaluation.data: {dataset.table.where(row)} has an entity {unknown[0]!r}, and the model's are {', '.join(known)}; "
                "correct the data, or name the model's labels in the recipe's field labels"
            )


def _in_tokens(dataset: Dataset) -> bool:
    """Whether the set holds lists of tokens and tags, as CoNLL's files do."""
    return "tokens" in dataset.roles or "tokens" in dataset.table.columns


def _from_spans(value: object) -> Entities | None:
    if not isinstance(value, list):
        return None
    try:
        return frozenset((str(span["label"]), int(span["start"]), int(span["end"])) for span in value)
    except (KeyError, TypeError, ValueError):
        return None


def _from_tags(words: Sequence[str], tags: Sequence[str]) -> Entities:
    """Characters of the entities in the words joined by spaces.

    An I- that continues nothing begins an entity.
    """
    found: list[tuple[str, int, int]] = []
    at, before = 0, ""
    for word, tag in zip(words, tags, strict=True):
        kind = tag[2:] if tag[:2] in ("B-", "I-") else "" if tag == "O" else tag
        if kind and kind == before and not tag.startswith("B-"):
            found[-1] = (kind, found[-1][1], at + len(word))
        elif kind:
            found.append((kind, at, at + len(word)))
        at, before = at + len(word) + 1, kind
    return frozenset(found)


def _truth(dataset: Dataset, names: Sequence[str]) -> list[Right]:
    texts, entities = _texts(dataset), right_entities(dataset, names)
    return [Right(text, own) for text, own in zip(texts, entities, strict=True)]


def _answered(outputs: Sequence[Any]) -> list[Entities]:
    return [frozenset((entity["label"], entity["start"], entity["end"]) for entity in entities) for entities in outputs]


def _bare(entities: Entities, text: str) -> Entities:
    """Entities without the space around them.

    Tokenizers such as RoBERTa's and DeBERTa's count the space before a word with it, and so do the
    pipeline's answers; people who annotate do not.
    """
    return frozenset(_bare_span(text, *entity) for entity in entities)


def _bare_span(text: str, label: str, start: int, end: int) -> tuple[str, int, int]:
    inside = text[start:end]
    bare = inside.strip()
    return (label, start + inside.index(bare), start + inside.index(bare) + len(bare)) if bare else (label, start, end)


def _compared(outputs: Sequence[Any], truth: Sequence[Right]) -> Iterator[tuple[Entities, Entities]]:
    """The entities that were found in each text and the right ones, both without space around
    them."""
    for found, (text, right) in zip(_answered(outputs), truth, strict=True):
        yield _bare(found, text), _bare(right, text)


def _counts(outputs: Sequence[Any], truth: Sequence[Right]) -> NDArray[np.float64]:
    return np.array([[len(found & right), len(found), len(right)] for found, right in _compared(outputs, truth)], dtype=np.float64)


F1 = f1_of("f1", _counts)
"""Micro-averaged over all entities, as CoNLL 2003 counts: an entity is right if it has the same
label on exactly the same characters, the space around it left out."""


def _confusion(outputs: Sequence[Any], truth: Sequence[Right], names: Sequence[str]) -> Confusion:
    """Of entities whose characters are right: the kind that was answered, and the right one."""
    kinds = sorted({name.split("-", 1)[-1] for name in names if name != "O"})
    counts = np.zeros((len(kinds), len(kinds)), dtype=np.int64)
    for found, right in _compared(outputs, truth):
        meant = {(start, end): label for label, start, end in right}
        for label, start, end in found:
            if label in kinds and (start, end) in meant:
                counts[kinds.index(label), kinds.index(meant[start, end])] += 1
    return Confusion(kinds, counts)


ENTITIES = Assessment(
    _truth, {F1.name: F1}, same_by(_answered), confusion=_confusion, all_one=lambda truth: not any(right.entities for right in truth)
)


def _reference(libraries: Libraries) -> Ask:
    settings, windows = libraries.answering.postprocessing, libraries.answering.windows
    usual = settings.aggregation_strategy if isinstance(settings, TokenClassification) else "simple"
    ask = libraries.pipeline(TASK.name)

    def answer(item: Item) -> Any:
        strategy = json.loads(item.parameters).get("aggregation_strategy", usual) if item.parameters else usual
        found = ask(item.text.decode(), aggregation_strategy=strategy, **({"stride": windows.stride} if windows else {}))
        label = "entity" if strategy == "none" else "entity_group"
        return [{"label": e[label], "score": float(e["score"]), "start": e["start"], "end": e["end"]} for e in found]

    return answer


TASK = Task(
    name="token-classification",
    optimum_task="token-classification",
    auto_model="AutoModelForTokenClassification",
    outputs={"logits": 3},
    postprocessing=_postprocessing,
    items=_items,
    assessment=lambda dataset, answering: ENTITIES,
    metrics=tuple(ENTITIES.metrics),
    reference=_reference,
    reads_windows=True,
    probabilities=lambda answering: True,
)
