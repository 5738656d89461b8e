"""The messages between a master and its workers, over Locust's own connection.

worker → master   HELLO      the worker listens
master → worker   SCENARIO   the scenario, the worker's number, the contents of its files
worker → master   PREPARED   everything is encoded; Locust's own messages start the users now
worker → master   PROGRESS   where the worker stands, a few times a second
master → worker   END        end early
worker → master   RESULT     what the worker saw, or FAILED with the reason
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtest.results.progress import Progress
from loadtest.scenario.scenario import Scenario

HELLO, SCENARIO, PREPARED = "headrace.hello", "headrace.scenario", "headrace.prepared"
PROGRESS, END, RESULT, FAILED = "headrace.progress", "headrace.end", "headrace.result", "headrace.failed"


@dataclass(frozen=True, slots=True)
class Part:
    """The message SCENARIO: a worker's number, the scenario's JSON values, files by their paths."""

    worker: int
    scenario: dict[str, Any]
    files: dict[str, bytes]


def pack_progress(worker: int, progress: Progress) -> dict[str, Any]:
    """The message PROGRESS."""
    return {"worker": worker, **asdict(progress)}


def unpack_progress(data: dict[str, Any]) -> Progress:
    """The progress that a worker reported."""
    return Progress(data["elapsed_s"], data["requests"], data["failures"])


def pack_scenario(scenario: Scenario, worker: int) -> Part:
    """The message SCENARIO for worker number `worker`."""
    values = scenario.to_dict()
    return Part(worker, values, {path: Path(path).read_bytes() for path in _paths(values)})


def unpack_scenario(part: Part, folder: Path) -> Scenario:
    """The scenario of the message; its files are written to `folder`."""
    values = part.scenario
    for number, (path, content) in enumerate(part.files.items()):
        written = folder / f"{number}{Path(path).suffix}"
        written.write_bytes(content)
        for owner, name in _owners(values):
            if owner.get(name) == path:
                owner[name] = str(written)
    return Scenario.from_dict(values)


def _paths(values: dict[str, Any]) -> set[str]:
    return {owner[name] for owner, name in _owners(values) if owner.get(name)}


def _owners(values: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    workload = values["workload"]
    return [(workload, "corpus"), (workload, "trace"), (values["loop"].get("arrivals", {}), "path")]
