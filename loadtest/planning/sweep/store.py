"""The folder of a sweep: each measured configuration is a file of its own, written as it ends."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RUN_SCHEMA = "headrace-sweep-run/2"
OLDER = ("headrace-sweep-run/1",)
"""Read as well: these lack all over time, and tell memory as proportional set size."""


PROFILE_SCHEMA = "headrace-sweep-profile/1"


class Store:
    """Results by their key, in `DIR/FOLDER/KEY.json`; those of other forms than `schemas` are none."""

    def __init__(self, folder: Path, name: str = "runs", schemas: Sequence[str] = (RUN_SCHEMA, *OLDER)) -> None:
        self._results = folder / name
        self._schemas = schemas

    def read(self, key: str) -> dict[str, Any] | None:
        """The result under a key, which may be a failure; None where there is none of this form."""
        try:
            found = json.loads((self._results / f"{key}.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return found if isinstance(found, dict) and found.get("schema") in self._schemas else None

    def is_finished(self, key: str) -> bool:
        """Whether a key needs no measurement: it has a result that is no failure."""
        found = self.read(key)
        return found is not None and found["error"] is None

    def keep(self, run: Mapping[str, Any]) -> None:
        """Write a result."""
        self._results.mkdir(parents=True, exist_ok=True)
        write(self._results / f"{run['key']}.json", json.dumps(run, indent=1) + "\n")


def profile_store(folder: Path) -> Store:
    """The capacity profiles of a sweep's folder."""
    return Store(folder, "profiles", (PROFILE_SCHEMA,))


def write(path: Path, text: str) -> None:
    """Write a file in one step, so that a sweep that is ended leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
