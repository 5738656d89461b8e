"""The demo's first step: each version answers the same texts, and the truth stands beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from loadtest.demo.asking import Answer, RefusedError, ask
from loadtest.target.client import Client
from loadtest.workload.corpus import CorpusError, read_corpus

TEXTS = 6
UNITS_TO_TRY = 200


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its true label."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Predicted:
    """An example, and what each version answered."""

    example: Example
    answers: Sequence[Answer]


def read_examples(corpus: Path) -> list[Example]:
    """The labelled texts of the demo's corpus (JSON Lines with `text` and `label`).

    Raises:
        CorpusError: it cannot be read, or a line is not of that form.
    """
    texts = read_corpus(corpus)
    with corpus.open(encoding="utf-8") as lines:
        values = [json.loads(line) for line in lines if line.strip()]
    if len(values) != len(texts) or not all(isinstance(value.get("label"), str) for value in values):
        raise CorpusError(f'{corpus}: each line needs a "text" and a "label"')
    return [Example(value["text"], value["label"]) for value in values]


def choose(examples: Sequence[Example]) -> list[Example]:
    """The first examples with different labels."""
    first: dict[str, Example] = {}
    for example in examples:
        first.setdefault(example.label, example)
    return list(first.values())[:TEXTS]


def other_texts(examples: Sequence[Example], chosen: Sequence[Example], count: int) -> list[str]:
    """The last `count` different texts that are not among the chosen ones."""
    seen = {example.text for example in chosen}
    texts = dict.fromkeys(example.text for example in examples if example.text not in seen)
    return list(texts)[-count:]


def predict_with_each_version(client: Client, examples: Sequence[Example], versions: Sequence[int]) -> list[Predicted]:
    """Ask each version about each example, for a unit that the experiment sends to that version.

    Raises:
        RefusedError: a request was refused, or no unit is sent to some version.
    """
    units = _unit_of_each_version(client, examples[0].text, versions)
    return [Predicted(example, [ask(client, example.text, units[version]) for version in versions]) for example in examples]


def _unit_of_each_version(client: Client, text: str, versions: Sequence[int]) -> Mapping[int, str]:
    units: dict[int, str] = {}
    for number in count():
        if all(version in units for version in versions):
            return units
        if number == UNITS_TO_TRY:
            raise RefusedError(f"Of {UNITS_TO_TRY} units none was sent to some version: {sorted(units)} of {sorted(versions)} were seen.")
        units.setdefault(ask(client, text, f"reader-{number}").version, f"reader-{number}")
    raise AssertionError("count() has no end")
