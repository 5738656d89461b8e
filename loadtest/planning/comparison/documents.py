"""Reading what is compared: `report.json` of runs, `search.json` of searches."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from loadtest.planning.search.search_json import SCHEMA as SEARCH
from loadtest.planning.search.search_json import SearchFile, parse_search
from loadtest.results.results import Results
from loadtest.workload.server import HEADRACE, OTHER
from loadtest.workload.workload import Target

FREE = {"url", "salt", "seed", "workers", "server"}
"""Fields in which scenarios that are compared may differ: what is sent is of the same kind."""
OF_THE_SERVER = {"workload.targets", "workload.dialect"}
"""Fields in which runs of different servers may differ: each has its own names and paths."""
_TARGET = asdict(Target())
LOAD = "load_average_1m"
PASSING = {LOAD}
"""What is said of a machine and does not stay: it makes no other machine of it."""
MOST_LOAD_APART = 0.5
"""Load averages further apart than this, for each core, are worth a word."""


CUT_SHORT = {
    "contention": "the machine was too busy to tell",
    "generator": "the generator could not keep up",
    "interrupted": "it was ended by hand",
    "broken": "a trial could not be made",
}
"""Why a search ended before its interval was as narrow as it should be, by its outcome."""
OPEN_OUTCOMES = {"contention", "generator", "interrupted", "ceiling", "most_trials"}
"""Of these a search without a rate does not say that the system holds none."""


class Obscurity(NamedTuple):
    """A sentence on what hides the system in a document.

    `only_worse`: it can only have made the system look worse than it is, as other work on the
    machine does.
    """

    sentence: str
    only_worse: bool


class ComparisonError(ValueError):
    """Files that cannot be read or compared; the message says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """A run (`results`) or a search (`search`), and as JSON the scenario that it offered.

    `server` is `headrace` or `other` (None: not known).
    """

    path: Path
    offered: Mapping[str, JsonValue]
    machine: Mapping[str, str | int | float]
    results: Results | None = None
    search: SearchFile | None = None
    server: str | None = HEADRACE


def read_document(path: Path) -> Document:
    """The document in a file; a folder stands for its report.json or search.json.

    Raises:
        ComparisonError: it cannot be read, or is neither.
    """
    if path.is_dir():
        path = next((path / name for name in ("report.json", "search.json") if (path / name).exists()), path / "report.json")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(values, dict) and values.get("schema") == SEARCH:
            search = parse_search(values)
            return Document(path, _whole(search.offered), search.machine, search=search, server=search.server)
        if not isinstance(values, dict) or "schema_version" not in values:
            raise ComparisonError(f"{path} is neither a report.json of `run` nor a search.json of `search`")
        results = Results.from_dict(values)
    except OSError as exc:
        raise ComparisonError(f"{path}: {exc.strerror}") from exc
    except (UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise ComparisonError(f"{path} is no JSON: {exc}") from exc
    except ComparisonError:
        raise
    except (KeyError, TypeError, ValueError) as exc:
        raise ComparisonError(f"{path} cannot be compared: {exc}") from exc
    return Document(path, _whole(values["offered"]), results.provenance.machine, results=results, server=results.server)


def differing(before: Document, after: Document) -> list[str]:
    """The scenario's fields in which two documents differ, by their paths, with both values.

    The SLO of a search is one of them. Where the servers are of different kinds, those of
    `OF_THE_SERVER` are left to `reservations`.
    """
    apart = _apart(before, after)
    return [f"{name}: {values}" for name, values in apart.items() if before.server == after.server or name not in OF_THE_SERVER]


def _apart(before: Document, after: Document) -> dict[str, str]:
    old, new = _fields(before), _fields(after)
    names = sorted(old.keys() | new.keys())
    return {name: f"{old.get(name)} and {new.get(name)}" for name in names if old.get(name) != new.get(name)}


def is_paired(before: Document, after: Document) -> bool:
    """Whether both were sent the same requests in the same seconds.

    They were where they have one scenario and one seed, in an open loop.
    """
    same = before.offered.get("seed") == after.offered.get("seed") and not _apart(before, after)
    return same and _flat(before.offered, "").get("loop.kind") == "open"


def failure(document: Document) -> str | None:
    """Why a document holds nothing to compare, a sentence; None where it does."""
    if document.results is not None and document.results.problem:
        return f"{document.path}: {document.results.problem}"
    if document.search is not None and document.search.rate is None:
        return f"{document.path}: {document.search.verdict}"
    return None


def is_open(document: Document) -> bool:
    """Whether a document that holds nothing to compare leaves open what the system does.

    It does where a search ended without a rate for other reasons than the system's.
    """
    return document.search is not None and document.search.outcome in OPEN_OUTCOMES


def obscurity(document: Document) -> Obscurity | None:
    """Why a document does not tell what the system does; None where it does."""
    results, search = document.results, document.search
    if results is not None and not results.kept_up:
        return Obscurity(f"{document.path}: the generator could not keep up, so that this says nothing of the system.", only_worse=False)
    if results is not None and results.doubts:
        return Obscurity(f"{document.path}: while the load ran, {'; '.join(results.doubts)}.", only_worse=True)
    if search is not None and search.outcome in CUT_SHORT:
        return Obscurity(f"{document.path}: the search was cut short ({CUT_SHORT[search.outcome]}).", only_worse=False)
    return None


def reservations(before: Document, after: Document) -> list[str]:
    """What else speaks against a comparison, a sentence each."""
    said = [
        f"{document.path}: the run is not whole."
        for document in (before, after)
        if document.results is not None and (document.results.interrupted or document.results.generators.lost)
    ]
    if {before.server, after.server} == {HEADRACE, OTHER}:
        said += _of_servers(before, after)
    names = sorted(
        name for name in (before.machine.keys() | after.machine.keys()) - PASSING if before.machine.get(name) != after.machine.get(name)
    )
    if names:
        differing_in = ", ".join(f"{name}: {before.machine.get(name)} and {after.machine.get(name)}" for name in names)
        said.append(f"{before.path} and {after.path} were measured on different machines or systems ({differing_in}).")
    loads = [document.machine.get(LOAD) for document in (before, after)]
    cores = before.machine.get("cores") or 1
    if not names and all(isinstance(load, int | float) for load in loads) and isinstance(cores, int | float):
        low, high = sorted(float(load) for load in loads if isinstance(load, int | float))
        if high - low > cores * MOST_LOAD_APART:
            said.append(
                f"The load average was {loads[0]} before {before.path} and {loads[1]} before {after.path}: "
                "the machine was busier before one of them."
            )
    return said


def _of_servers(before: Document, after: Document) -> list[str]:
    headrace, other = (before, after) if after.server == OTHER else (after, before)
    said = [
        f"{headrace.path} is of Headrace, {other.path} of another server, of whose versions and cache nothing is known: "
        "hits are not compared, and whether both serve one model is for you to know."
    ]
    asked = [f"{name}: {values}" for name, values in _apart(before, after).items() if name in OF_THE_SERVER]
    return said + ([f"They were asked in different ways: {'; '.join(asked)}."] if asked else [])


def _whole(offered: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """A scenario with the fields of a target that it had by default when it was written."""
    workload = offered.get("workload")
    targets = workload.get("targets") if isinstance(workload, dict) else None
    if not isinstance(workload, dict) or not isinstance(targets, list):
        return offered
    whole = [{**_TARGET, **target} if isinstance(target, dict) else target for target in targets]
    return {**offered, "workload": {**workload, "targets": whole}}


def _fields(document: Document) -> dict[str, JsonValue]:
    kept = {name: value for name, value in document.offered.items() if name not in FREE}
    flat = _flat(kept, "")
    if document.search is not None:
        # the loop of a search holds its first rate only
        flat = {name: value for name, value in flat.items() if not name.startswith("loop.arrivals")} | {"slo": document.search.slo}
    return flat


def _flat(values: Mapping[str, JsonValue], above: str) -> dict[str, JsonValue]:
    flat: dict[str, JsonValue] = {}
    for name, value in values.items():
        path = f"{above}{name}"
        if isinstance(value, dict):
            flat |= _flat(value, f"{path}.")
        else:
            # the same corpus lies elsewhere on another machine
            flat[path] = Path(value).name if name in {"corpus", "trace"} and isinstance(value, str) else value
    return flat
