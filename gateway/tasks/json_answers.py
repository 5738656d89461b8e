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
    return Item(text, pair[0] if pair else None, _OPTIONS.of(parameters))


class _Options:
    """The canonical parameters of a request: made once, and shared by its instances."""

    def __init__(self) -> None:
        self._last: tuple[Mapping[str, Any] | None, bytes] = None, b""

    def of(self, parameters: Mapping[str, Any]) -> bytes:
        """The same bytes for the same mapping, which nobody changes."""
        last, made = self._last
        if last is not parameters:
            made = canonical(parameters)
            self._last = parameters, made
        return made


_OPTIONS = _Options()


def answer_of(rows: Sequence[bytes]) -> Any:
    """The answer as Triton gave it."""
    (row,) = rows
    return orjson.Fragment(value_of(row))


def read(row: bytes) -> Any:
    """The answer, decoded."""
    return orjson.loads(value_of(row))
