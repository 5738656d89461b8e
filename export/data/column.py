"""A column of a table, read as values of one type.

Errors name the place of a wrong value and the recipe's field.
"""

import json
import math
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from export.data.table import Table
from export.errors import RecipeError

T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """The values of the column `name`; `field` is the recipe's that names it."""

    field: str
    name: str
    values: Sequence[object]
    table: Table

    @classmethod
    def of(cls, table: Table, field: str, name: str) -> "Column":
        """A table's column.

        Raises:
            RecipeError: it has no such column; the message names the columns that it has.
        """
        if name not in table.columns:
            raise RecipeError(f"{field}: {table.path} has no field {name!r}; its fields are {', '.join(table.columns)}")
        return cls(field, name, table.columns[name], table)

    def read(self, convert: Callable[[object], T | None], needed: str) -> list[T]:
        """Each value as `convert` makes it; None says that a value is not `needed` ("a string").

        Raises:
            RecipeError: a value is not what is needed; the message names its place.
        """
        read = []
        for row, value in enumerate(self.values):
            if (converted := convert(value)) is None:
                held = "" if value is None else f" (it holds {reprlib.repr(value)})"
                raise RecipeError(f"{self.field}: {self.table.where(row)} has no field {self.name!r} that holds {needed}{held}")
            read.append(converted)
        return read

    def strings(self) -> list[str]:
        """The values, all strings; see `read`."""
        return self.read(lambda value: value if isinstance(value, str) else None, "a string")

    def numbers(self) -> list[float]:
        """The values, all finite numbers, or strings that are ones, as in CSV; see `read`."""
        return self.read(_number, "a number")

    def lists(self) -> list[list[object]]:
        """The values, all lists, or strings that are JSON ones, as in CSV; see `read`."""
        return self.parsed().read(lambda value: value if isinstance(value, list) else None, "a list")

    def parsed(self) -> "Column":
        """The same column with strings that hold a JSON list or object parsed, as CSV has them."""
        return replace(self, values=[_parsed(value) for value in self.values])


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _parsed(value: object) -> object:
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
