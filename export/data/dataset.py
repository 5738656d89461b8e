"""The evaluation set: columns in the roles that a recipe gives them.

The task decides what the values of a role must be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.data.column import Column
from export.data.table import Table, read_table
from export.errors import RecipeError, TableError
from export.recipe.recipe import Evaluation

MAX_GROUPS = 64
"""Different values of a slice column: each becomes an entry of the manifest.

A column with more values is hardly one of groups.
"""


@dataclass(frozen=True)
class Dataset:
    """An evaluation set.

    `name` is as the recipe writes it, `digest` of its files; `roles` has the recipe's column for
    each role, `slices` the group of each example for each slice column.
    """

    name: str
    table: Table
    roles: Mapping[str, str]
    slices: Mapping[str, Sequence[str]]
    digest: str

    def __len__(self) -> int:
        return len(self.table)

    def column(self, role: str) -> Column:
        """The column in a role; it has the name of the role where the recipe gives no other.

        Raises:
            RecipeError: there is no such column.
        """
        field = f"evaluation.{role}" if role in ("text", "text_pair", "label") else f"evaluation.columns.{role}"
        return Column.of(self.table, field, self.roles.get(role, role))


def read(evaluation: Evaluation, path: Path) -> Dataset:
    """Read an evaluation set from a file or folder.

    Raises:
        RecipeError: it cannot be read, or is not as `evaluation` says; see `dataset_of`.
    """
    try:
        return dataset_of(evaluation, read_table(path))
    except TableError as exc:
        raise RecipeError(f"evaluation.data: {exc}") from exc


def dataset_of(evaluation: Evaluation, table: Table) -> Dataset:
    """A table as an evaluation set.

    Raises:
        RecipeError: a column that `evaluation` names is missing, or a slice column does not hold
            groups.
    """
    slices = {name: _groups(Column.of(table, "evaluation.slices", name)) for name in evaluation.slices}
    dataset = Dataset(str(evaluation.data), table, evaluation.roles, slices, table.digest)
    for role in evaluation.columns:
        dataset.column(role)
    return dataset


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
