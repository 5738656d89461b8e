"""The labels of an evaluation set: names of the model's labels, or class numbers from 0."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from export.data.column import Column
from export.errors import RecipeError

MOST_SHOWN = 12


@dataclass(frozen=True)
class ReadLabels:
    """The index of each label among the model's; `note` says how class numbers were understood."""

    indices: Sequence[int]
    note: str | None = None


@dataclass(frozen=True)
class ReadLabelSets:
    """The indices of each example's labels; `note` says how numbers were understood."""

    indices: Sequence[Sequence[int]]
    note: str | None = None


def read_labels(column: Column, names: Sequence[str]) -> ReadLabels:
    """One label for each example.

    Raises:
        RecipeError: a value that is neither a name nor a class number, a label that the model does
            not have, or numbers that could be both.
    """
    values = column.read(_scalar, "a label: a string or a class number")
    return _indices(column, values, range(len(values)), names)


def read_label_sets(column: Column, names: Sequence[str]) -> ReadLabelSets:
    """Any number of labels for each example.

    They are a list of names or class numbers, or a list of 0 and 1 with a place for each label; in
    CSV such a list is written as JSON.

    Raises:
        RecipeError: as `read_labels`, or a value that is no list.
    """
    lists = column.lists()
    if _are_flags(lists, len(names)):
        note = f"lists of {len(names)} zeros and ones are read as one flag for each label, in the order {_shown(names)}"
        return ReadLabelSets([[at for at, flag in enumerate(flags) if flag == 1] for flags in lists], note)
    rows = [row for row, own in enumerate(lists) for _ in own]
    values = [value for own in lists for value in own]
    read = _indices(column, values, rows, names)
    found: list[list[int]] = [[] for _ in lists]
    for row, index in zip(rows, read.indices, strict=True):
        found[row].append(index)
    return ReadLabelSets(found, read.note)


def _indices(column: Column, values: Sequence[object], rows: Iterable[int], names: Sequence[str]) -> ReadLabels:
    index = {name: at for at, name in enumerate(names)}
    by_name = [index.get(_name(value)) for value in values]
    by_number = [_class_number(value, len(names)) for value in values]
    if None not in by_name:
        _require_one_meaning(column, values, by_name, by_number, names)
        return ReadLabels([at for at in by_name if at is not None])
    if None not in by_number:
        return ReadLabels([at for at in by_number if at is not None], f"labels are class numbers: {_numbered(names)}")
    unknown, row = next((value, row) for value, row, at in zip(values, rows, _better(by_name, by_number), strict=True) if at is None)
    raise RecipeError(_unknown(column, unknown, row, index))


def _better(by_name: Sequence[int | None], by_number: Sequence[int | None]) -> Sequence[int | None]:
    """The reading that fits more values: its first fault is the one to name."""
    return by_number if by_number.count(None) < by_name.count(None) else by_name


def _require_one_meaning(
    column: Column, values: Sequence[object], by_name: Sequence[int | None], by_number: Sequence[int | None], names: Sequence[str]
) -> None:
    """Refuse numbers that are names of labels as well as class numbers, of other labels."""
    if None in by_number or all(isinstance(value, str) for value in values):
        return
    for value, named, numbered in zip(values, by_name, by_number, strict=True):
        if named != numbered and not isinstance(value, str) and numbered is not None:
            raise RecipeError(
                f"{column.field}: the number {value} is the name of a label and the class number of another one, {names[numbered]!r}; "
                f'write names as strings ("{_name(value)}")'
            )


def _unknown(column: Column, label: object, row: int, index: Mapping[str, int]) -> str:
    number = "" if isinstance(label, str) and not label.isdecimal() else f", and class numbers would be from 0 to {len(index) - 1}"
    return (
        f"evaluation.data: example {row + 1} of {column.table.path.name} has the label {label!r}, and the model's are "
        f"{', '.join(index)}{number}; correct the data, or name the model's labels in the recipe's field labels"
    )


def _scalar(value: object) -> object | None:
    return value if isinstance(value, str | int | float) else None


def _name(value: object) -> str:
    """What a label is called; a number or a truth value as JSON writes it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _class_number(value: object, classes: int) -> int | None:
    """A whole number from 0; pandas writes one as 1.0 where a column has gaps."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() and 0 <= number < classes else None


def _are_flags(lists: Sequence[Sequence[object]], classes: int) -> bool:
    """Whether each list has a 0 or 1 for each label; a class number stands in a list only once."""
    flags = all(len(own) == classes and all(not isinstance(v, bool | str) and v in (0, 1) for v in own) for own in lists)
    return flags and any(len(set(own)) < len(own) or any(isinstance(v, float) for v in own) for own in lists)


def _numbered(names: Sequence[str]) -> str:
    return ", ".join(f"{at} is {name}" for at, name in enumerate(names[:MOST_SHOWN])) + (" …" if len(names) > MOST_SHOWN else "")


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_SHOWN]) + (" …" if len(names) > MOST_SHOWN else "")
