"""Scenarios as YAML files: the fields of `Scenario.to_dict`, read as they stand.

Paths are relative to the file's own folder.
"""

from pathlib import Path
from typing import Any

from loadtest.scenario.scenario import ScenarioError
from loadtest.scenario.yaml_file import YamlFileError, read_mapping


def read_fields(path: Path) -> dict[str, Any]:
    """The fields of a scenario file, unchecked but for being a mapping.

    Raises:
        ScenarioError: the file cannot be read or is no YAML mapping.
    """
    try:
        values = read_mapping(path, "url, loop, workload, duration_s")
    except YamlFileError as exc:
        raise ScenarioError(str(exc)) from exc
    for owner, name in _paths(values):
        if isinstance(owner.get(name), str):
            owner[name] = str(path.parent / owner[name])
    return values


def _paths(values: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    workload = values.get("workload")
    loop = values.get("loop")
    arrivals = loop.get("arrivals") if isinstance(loop, dict) else None
    owners = [(workload, "corpus"), (workload, "trace"), (arrivals, "path")]
    return [(owner, name) for owner, name in owners if isinstance(owner, dict)]
