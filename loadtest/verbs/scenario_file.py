"""Scenarios as YAML files: the fields of `Scenario.to_dict`, read as they stand; paths are taken from the file's own folder."""

from pathlib import Path
from typing import Any

import yaml

from loadtest.scenario import ScenarioError


def read_fields(path: Path) -> dict[str, Any]:
    """The fields of a scenario file, unchecked but for being a mapping.

    Raises:
        ScenarioError: the file cannot be read or is no YAML mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise ScenarioError(f"{path}: {exc.strerror if isinstance(exc, OSError) else 'not UTF-8'}") from exc
    except yaml.YAMLError as exc:
        raise ScenarioError(f"{path}: not YAML: {exc}") from exc
    if not isinstance(values, dict):
        raise ScenarioError(f"{path}: must be a mapping with url, loop, workload, duration_s …")
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
