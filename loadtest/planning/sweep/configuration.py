"""The configurations of a sweep, listed or made of a grid. Pure.

They are told apart by a digest of all that decides a result.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import JsonValue

from loadtest.planning.sweep.document import Document, parse_knobs
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.knobs import WORKLOAD, Knobs, described

DIGEST_DIGITS = 16
NAME = "name"


@dataclass(frozen=True, slots=True)
class Configuration:
    """Knobs with a name that no others have in the sweep."""

    name: str
    knobs: Knobs

    @property
    def workload(self) -> str:
        """The workload knobs in a line.

        Only configurations under one workload can be compared with each other.
        """
        return described({name: value for name, value in self.knobs.turned().items() if name in WORKLOAD}) or "repeat=0"


def configurations(document: Document) -> list[Configuration]:
    """The configurations that a document lists and those of its grids, in that order, each once.

    Raises:
        SweepError: a knob is unknown or wrong, or a name stands twice; the message names the field.
    """
    base = dict(document.base)
    parse_knobs(base, "base")
    named: list[tuple[str | None, Knobs]] = []
    for where, entry in _entries(document):
        name = entry.pop(NAME, None)
        if name is not None and not isinstance(name, str):
            raise SweepError(f"{where}.name: must be text, not {name!r}")
        knobs = _normal(parse_knobs(base | entry, where))
        if knobs not in [known for _, known in named]:
            named.append((name, knobs))
    if not named:
        named = [(None, _normal(parse_knobs(base, "base")))]
    return _with_names(named)


def digest(parts: Mapping[str, JsonValue]) -> str:
    """A short digest of JSON values, the same whatever the order of their fields."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]


def _entries(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, entry in enumerate(document.configurations):
        yield f"configurations[{index}]", dict(entry)
    for index, grid in enumerate(document.grid):
        where = f"grid[{index}]" if len(document.grid) > 1 else "grid"
        for name, values in grid.items():
            if name not in Knobs.model_fields:
                raise SweepError(f"{where}.{name}: no such field; there are {', '.join(Knobs.model_fields)}")
            if not values:
                raise SweepError(f"{where}.{name}: must list at least one value")
        for chosen in product(*grid.values()):
            yield where, dict(zip(grid, chosen, strict=True))


def _normal(knobs: Knobs) -> Knobs:
    """The knobs without those that mean nothing beside the others.

    So equal stacks are one configuration.
    """
    return Knobs.model_validate(knobs.turned())


def _with_names(named: Sequence[tuple[str | None, Knobs]]) -> list[Configuration]:
    turned = [knobs.turned() for _, knobs in named]
    varied = [name for name in Knobs.model_fields if any(values.get(name) != turned[0].get(name) for values in turned)]
    found: dict[str, Configuration] = {}
    for (name, knobs), values in zip(named, turned, strict=True):
        own = name or described({knob: values[knob] for knob in varied if knob in values}) or "as packaged"
        if own in found:
            raise SweepError(f"two configurations are named {own!r}: give each a name of its own")
        found[own] = Configuration(own, knobs)
    return list(found.values())
