"""What was measured of one configuration in one repetition, as it is kept in `runs/KEY.json`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtest.planning.search.search import Outcome
from loadtest.planning.sweep.description import Description
from loadtest.planning.sweep.point import Point
from loadtest.planning.sweep.store import Store

RUN_SCHEMA = "headrace-sweep-run/2"
OLDER = ("headrace-sweep-run/1",)
"""Forms that are read as well: without anything over time, and memory as proportional set size."""

Machine = Mapping[str, str | int | float]
"""A machine, as `describe_machine` gives it."""


@dataclass(frozen=True, slots=True)
class SearchEnd:
    """How the search of a run ended, and why where it broke off."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What a configuration did on one stack, and where and with what it was measured.

    `started_at` is ISO 8601. `memory_bytes` is resident memory by part at the end of the last run
    that was watched, None without one. `search` is None where the sweep asks for none.
    """

    started_at: str
    elapsed_s: float
    machine: Machine
    versions: Mapping[str, str]
    memory_bytes: Mapping[str, int] | None
    points: tuple[Point, ...]
    search: SearchEnd | None


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one job: `measured`, or the `error` because of which that is None."""

    key: str
    repetition: int
    description: Description
    measured: Measured | None
    error: str | None = None
    schema: str = RUN_SCHEMA

    @property
    def points(self) -> tuple[Point, ...]:
        """The loads that were measured; a failure has none."""
        return () if self.measured is None else self.measured.points

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `from_dict` reads them back."""
        known = asdict(self.description)
        head = {"schema": self.schema, "key": self.key, "name": known.pop("name"), "repetition": self.repetition, **known}
        measured = self.measured
        if measured is None:
            nothing: dict[str, Any] = {"points": [], "search": None, "memory_bytes": None, "machine": None, "versions": None}
            return {**head, **nothing, "started_at": None, "elapsed_s": None, "error": self.error}
        return {
            **head,
            "started_at": measured.started_at,
            "elapsed_s": measured.elapsed_s,
            "machine": dict(measured.machine),
            "versions": dict(measured.versions),
            "memory_bytes": None if measured.memory_bytes is None else dict(measured.memory_bytes),
            "points": [point.to_dict() for point in measured.points],
            "search": None if measured.search is None else asdict(measured.search),
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Run":
        """The run that `to_dict` wrote, also by way of JSON.

        Raises:
            ValueError: its results were written by another version.
        """
        measured = None if values["error"] is not None else _measured(values)
        description = Description.from_dict(values)
        return cls(values["key"], values["repetition"], description, measured, values["error"], values["schema"])


def run_store(folder: Path) -> Store[Run]:
    """The runs in a sweep's folder."""
    return Store(folder / "runs", (RUN_SCHEMA, *OLDER), Run.from_dict)


def _measured(values: Mapping[str, Any]) -> Measured:
    search = values["search"]
    return Measured(
        started_at=values["started_at"],
        elapsed_s=values["elapsed_s"],
        machine=values["machine"],
        versions=values["versions"],
        memory_bytes=values["memory_bytes"],
        points=tuple(map(Point.from_dict, values["points"])),
        search=None if search is None else SearchEnd(search["outcome"], search["reason"]),
    )
