"""The evaluation set: columns in the roles that a recipe gives them.

The task decides what the values of a role must be.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.data.column import Column
from export.data.table import Table, read_table
from export.errors import RecipeError, TableError
from export.recipe.sets import Evaluation

MAX_GROUPS = 64
"""Different values of a slice column: each becomes an entry of the manifest.

A column with more values is hardly one of groups.
"""


@dataclass
class Reading:
    """Which columns were read, by their roles, and how their values were understood, in words."""

    roles: set[str] = dataclasses.field(default_factory=set)
    notes: list[str] = dataclasses.field(default_factory=list)

    def note(self, sentence: str | None) -> None:
        """Add a sentence, once."""
        if sentence and sentence not in self.notes:
            self.notes.append(sentence)


@dataclass(frozen=True)
class Dataset:
    """An evaluation set.

    `name` is as the recipe writes it, `digest` of its files; `roles` has the recipe's column for
    each role, `slices` the group of each example for each slice column. `named` are the roles that
    the recipe names itself, and `field` is the part of the recipe that does. `reading` records
    which of them a task reads, and how.
    """

    name: str
    table: Table
    roles: Mapping[str, str]
    slices: Mapping[str, Sequence[str]]
    digest: str
    named: frozenset[str] = frozenset()
    field: str = "evaluation"
    reading: Reading = dataclasses.field(default_factory=Reading, compare=False)

    def __len__(self) -> int:
        return len(self.table)

    def column(self, role: str) -> Column:
        """The column in a role; it has the name of the role where the recipe gives no other.

        Raises:
            RecipeError: there is no such column.
        """
        self.reading.roles.add(role)
        return Column.of(self.table, self.field_of(role), self.roles.get(role, role))

    def has(self, role: str) -> bool:
        """Whether there is a column in a role."""
        return self.roles.get(role, role) in self.table.columns

    def field_of(self, role: str) -> str:
        """The recipe's field that names the column in a role."""
        return f"{self.field}.{role}" if role in ("text", "text_pair", "label") else f"{self.field}.columns.{role}"

    def some(self, rows: Sequence[int]) -> "Dataset":
        """The examples in these rows."""
        slices = {name: [values[row] for row in rows] for name, values in self.slices.items()}
        return dataclasses.replace(self, table=self.table.some(rows), slices=slices, reading=Reading())

    def require_named(self) -> None:
        """Require the columns that the recipe names.

        Raises:
            RecipeError: there is no such column.
        """
        for role in sorted(self.named):
            Column.of(self.table, self.field_of(role), self.roles[role])

    def require_all_read(self, task: str) -> None:
        """Require that a task has read every column that the recipe names.

        Raises:
            RecipeError: one was not read, so what it holds would count for nothing.
        """
        for role in sorted(self.named - self.reading.roles):
            remedy = ""
            if role == "text_pair":
                remedy = "; if the model is asked with pairs of texts, add postprocessing: {text_pair: true}"
            raise RecipeError(
                f"{self.field_of(role)}: the recipe names the column {self.roles[role]!r}, and {task} does not read it: it reads "
                f"{', '.join(sorted(self.reading.roles))}; remove the field{remedy}"
            )


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
    dataset = Dataset(str(evaluation.data), table, evaluation.roles, slices, table.digest, evaluation.named)
    dataset.require_named()
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
