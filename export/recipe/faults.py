"""What pydantic finds wrong with a recipe, as sentences that name the field and what to change."""

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from export.errors import RecipeError


@dataclass(frozen=True)
class Fields:
    """The fields that sentences name.

    `root` is the model that was validated; `parts` has the models of those of its fields within
    which similar names are suggested; `patterns` says what a value must be where it has to match a
    pattern, `missing` how a field is written where "add it" does not tell.
    """

    root: type[BaseModel]
    parts: Mapping[str, type[BaseModel]]
    patterns: Mapping[str, str]
    missing: Mapping[str, str]

    def beside(self, field: str) -> list[str]:
        """The names of the known fields at the place of `field`."""
        part, dot, _ = field.partition(".")
        return list((self.parts.get(part, self.root) if dot else self.root).model_fields)


def sentences(found: ValidationError, fields: Fields) -> list[str]:
    """One sentence for each fault."""
    return [_sentence(fault, fields) for fault in found.errors()]


@contextmanager
def translated(field: str) -> Iterator[None]:
    """Name the first fault in the values of a recipe's field, in pydantic's own words.

    Raises:
        RecipeError: pydantic refused a value.
    """
    try:
        yield
    except ValidationError as exc:
        fault = exc.errors()[0]
        raise RecipeError(f"{field}.{_place(fault)}: {fault['msg']}") from exc


def _sentence(fault: ErrorDetails, fields: Fields) -> str:
    field, given = _place(fault), fault["input"]
    match fault["type"]:
        case "missing":
            return f"the field {field} is missing; {fields.missing.get(field, 'add it')}"
        case "extra_forbidden":
            return f"the field {field} is unknown; {_suggestion(str(fault['loc'][-1]), fields.beside(field))}"
        case "literal_error":
            return f"{field}: {given!r} is not possible; choose one of {fault['ctx']['expected']}"
        case "string_pattern_mismatch" if field in fields.patterns:
            return f"{field}: {given!r} {fields.patterns[field]}"
        case "value_error":
            return f"{field}: {fault['ctx']['error']}" if field else str(fault["ctx"]["error"])
        case _:
            return f"{field or 'recipe'}: {fault['msg'][0].lower()}{fault['msg'][1:]} (it is {given!r})"


def _suggestion(unknown: str, known: list[str]) -> str:
    close = difflib.get_close_matches(unknown, known, n=1)
    return f"is {close[0]} meant?" if close else f"known are {', '.join(known)}"


def _place(fault: ErrorDetails) -> str:
    return ".".join(map(str, fault["loc"]))
