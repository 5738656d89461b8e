"""The evaluation set: columns in the roles that a recipe gives them. What the values of a role must be, the task says."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from export.errors import RecipeError
from export.evaluation.table import Table, read_table
from export.recipe import Recipe

MAX_GROUPS = 64
"""Different values of a slice column: each becomes an entry of the manifest, and a column with more is hardly one of groups."""

T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """The values in one role. `field` is the recipe's, which names the column `name`."""

    field: str
    name: str
    values: Sequence[object]
    table: Table

    def read(self, convert: Callable[[object], T | None], needed: str) -> list[T]:
        """Each value as `convert` makes it; None says that a value is not `needed` ("a string").

        Raises:
            RecipeError: such a value; its place is named.
        """
        read = []
        for row, value in enumerate(self.values):
            if (converted := convert(value)) is None:
                raise RecipeError(f"{self.field}: {self.table.where(row)} has no field {self.name!r} that holds {needed}")
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
        """The same column, where strings that are a JSON list or object have become it: CSV holds them so."""
        return replace(self, values=[_parsed(value) for value in self.values])


@dataclass(frozen=True)
class Dataset:
    """An evaluation set: `name` as the recipe writes it, `digest` of its files, the recipe's column for each of its `roles`.

    `slices` holds for each slice column the group of each example.
    """

    name: str
    table: Table
    roles: Mapping[str, str]
    slices: Mapping[str, Sequence[str]]
    digest: str

    def __len__(self) -> int:
        return len(self.table)

    def column(self, role: str) -> Column:
        """The column in a role; where the recipe does not name one, it is called as the role.

        Raises:
            RecipeError: there is no such column.
        """
        field = f"evaluation.{role}" if role in ("text", "text_pair", "label") else f"evaluation.columns.{role}"
        return _column(self.table, field, self.roles.get(role, role))

    @property
    def texts(self) -> list[str]:
        """The column in the role `text`, all strings."""
        return self.column("text").strings()


def read(recipe: Recipe) -> Dataset:
    """Read a recipe's evaluation set.

    Raises:
        RecipeError: it cannot be read, a column that the recipe names is not there, or a slice column does not hold groups.
    """
    evaluation = recipe.evaluation
    table = read_table(recipe.path(evaluation.data))
    slices = {name: _groups(_column(table, "evaluation.slices", name)) for name in evaluation.slices}
    dataset = Dataset(str(evaluation.data), table, evaluation.roles, slices, table.digest)
    for role in evaluation.columns:
        dataset.column(role)
    return dataset


def _column(table: Table, field: str, name: str) -> Column:
    if name not in table.columns:
        raise RecipeError(f"{field}: {table.path} has no field {name!r}; its fields are {', '.join(table.columns)}")
    return Column(field, name, table.columns[name], table)


def _groups(column: Column) -> list[str]:
    groups = column.read(_group, "a string, a number or a truth value")
    if (found := len(set(groups))) > MAX_GROUPS:
        raise RecipeError(
            f"{column.field}: the field {column.name!r} of {column.table.path} has {found} different values, and at most {MAX_GROUPS} "
            "are compared; choose a column of few groups"
        )
    return groups


def _group(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


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
