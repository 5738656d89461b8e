"""The results in the folder of a sweep: each is a file, written as its measurement ends."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar


class Keepable(Protocol):
    """A result that a store keeps: known by a key, with an error where the measurement failed."""

    @property
    def key(self) -> str:
        """What decides the result, as a digest."""

    @property
    def error(self) -> str | None:
        """Why the measurement failed; None where it did not."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""


Result = TypeVar("Result", bound=Keepable)


class Store(Generic[Result]):
    """Results by their key, in `FOLDER/KEY.json`.

    A file in none of the forms `schemas` holds no result, nor does one that `parse` refuses with
    ValueError.
    """

    def __init__(self, folder: Path, schemas: Sequence[str], parse: Callable[[Mapping[str, Any]], Result]) -> None:
        self._folder = folder
        self._schemas = schemas
        self._parse = parse

    def read(self, key: str) -> Result | None:
        """The result under a key, which may be a failure; None where none can be read."""
        try:
            values = json.loads((self._folder / f"{key}.json").read_bytes())
            return self._parse(values) if isinstance(values, dict) and values.get("schema") in self._schemas else None
        except (FileNotFoundError, ValueError):
            return None

    def is_finished(self, key: str) -> bool:
        """Whether a key needs no measurement: it has a result that is no failure."""
        found = self.read(key)
        return found is not None and found.error is None

    def keep(self, result: Result) -> None:
        """Write a result."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write(self._folder / f"{result.key}.json", json.dumps(result.to_dict(), indent=1) + "\n")


def write(path: Path, text: str) -> None:
    """Write a file in one step: a sweep that is ended leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
