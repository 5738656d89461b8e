"""Texts without right answers, which a version is compared with its reference on.

There are texts of the repository's own, short and long ones in several scripts, and those that a
recipe gives. They serve where a recipe says `evaluation: none`.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from export.data.dataset import Dataset
from export.data.table import Table, read_table
from export.errors import RecipeError, TableError
from export.recipe.recipe import Recipe

_SENTENCES = (
    "The delivery came two days late, and nobody answered the phone.",
    "Thank you, everything works as it should!",
    "How do I change the address of an order that was already paid?",
    "Shares of the mill rose by 4.5% on Tuesday after it raised its forecast for 2027.",
    "no",
    "I would not say that I disliked it, but I would not order it again either.",
    "PLEASE CANCEL MY SUBSCRIPTION IMMEDIATELY!!!",
    "Die Lieferung an Frau Müller aus Köln ist am 3. März eingetroffen.",
    "Où se trouve la gare la plus proche, s'il vous plaît ?",
    "El río creció tres metros y el puente quedó cerrado hasta el jueves.",
    "Поезд из Москвы прибыл с опозданием на двадцать минут.",
    "今日は天気がいいから、川まで歩きましょう。",
    "水车把水送到磨坊，磨坊把谷物磨成面粉。",
    "وصل القطار متأخرا عشرين دقيقة إلى المدينة.",
    "पुल गुरुवार तक बंद रहेगा।",
    "Price: $1,299.00 (was $1,499.00), order no. 8841-C, ref. #77/2.",
    "See https://example.org/a?b=c&d=e or write to orders@example.org.",
    "def ratio(a, b): return a / b if b else None",
    "The café's naïve façade – “a façade”, she said – hid 1½ storeys.",
    "Great \N{GRINNING FACE} service \N{THUMBS UP SIGN} would come again \N{HEAVY BLACK HEART}",
    "Rain fell all night; by morning the sluice gates stood open and the meadow was under water.",
    "Anna Schmidt of the Northern Grain Company met the mayor of Bergen on Friday.",
    "x",
    "12345",
    "to be, or not to be, that is the question",
)
_TOPICS = ("delivery", "weather", "finance", "praise")
_LONG_REPEATS = (2, 4, 9, 30)


def _texts() -> list[str]:
    long = [" ".join((_SENTENCES[at:] + _SENTENCES[:at]) * count)[: 160 * count] for at, count in enumerate(_LONG_REPEATS)]
    return [*_SENTENCES, *(text for count in range(1, 4) for text in (" ".join(_SENTENCES[count : count + 3]),)), *long]


def own_texts() -> Dataset:
    """The repository's own texts, in each role that a task may ask them in."""
    texts = _texts()
    other = texts[7:] + texts[:7]
    columns: dict[str, list[object]] = {
        "text": [*texts],
        "text_pair": [*other],
        "question": [f"What is said of the {_TOPICS[at % len(_TOPICS)]}?" for at in range(len(texts))],
        "context": [*texts],
        "query": [*other],
        "documents": [[text, pair] for text, pair in zip(texts, other, strict=True)],
        "relevance": [[0.0, 0.0] for _ in texts],
        "label": [_TOPICS[at % len(_TOPICS)] for at in range(len(texts))],
    }
    return _dataset(columns, "own texts", "own text", range(1, len(texts) + 1))


def read_texts(recipe: Recipe) -> Dataset | None:
    """The texts that a recipe gives; None where it gives none.

    Raises:
        RecipeError: they cannot be read, or a column that the recipe names is missing.
    """
    given = recipe.texts
    if given is None:
        return None
    try:
        table = read_table(recipe.path(given.data))
    except TableError as exc:
        raise RecipeError(f"texts.data: {exc}") from exc
    found = Dataset(str(given.data), table, given.roles, {}, table.digest, given.named, "texts")
    found.require_named()
    return found


def joined(given: Dataset | None, own: Dataset, roles: Collection[str]) -> Dataset:
    """The given texts and then the own ones, with a column for each of the roles.

    Right answers, which texts need not have, are the own texts' own kind of none.

    Raises:
        RecipeError: the given texts lack a column.
    """
    if given is None:
        return replace(own, table=replace(own.table, columns={role: own.table.columns[role] for role in roles}))
    columns: dict[str, list[object]] = {}
    for role in roles:
        values = own.table.columns[role]
        if role == "relevance":
            before: Sequence[object] = [[0.0] * len(documents) for documents in given.column("documents").lists()]
        elif role == "label" and not given.has("label"):
            before = [values[row % len(values)] for row in range(len(given))]
        else:
            before = given.column(role).parsed().values if role == "documents" else given.column(role).strings()
        columns[role] = [*before, *values]
    numbers = [*given.table.numbers, *own.table.numbers]
    found = _dataset(columns, given.name, given.table.unit, numbers)
    return replace(found, table=replace(found.table, path=given.table.path))


def _dataset(columns: Mapping[str, list[object]], name: str, unit: str, numbers: Sequence[int]) -> Dataset:
    digest = f"sha256:{hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()}"
    return Dataset(name, Table(Path(name), columns, unit, numbers, []), {}, {}, digest, field="texts")
