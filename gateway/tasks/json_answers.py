"""What tasks share whose answers are JSON already, and whose parameters change the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.request.prediction import Item
from gateway.request.row import value_of
from gateway.tasks.task import Instance, canonical


def item_of(instance: Instance, parameters: Mapping[str, Any]) -> Item:
    """The one or two texts of an instance, in the order of its fields, with the parameters."""
    text, *pair = instance.values()
    return Item(text, pair[0] if pair else None, canonical(parameters))


def answer_of(rows: Sequence[bytes]) -> Any:
    """The answer as Triton gave it."""
    (row,) = rows
    return orjson.Fragment(value_of(row))
