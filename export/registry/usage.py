"""What each packaged version is used for. Pure, but for reading the experiments file."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from export.errors import RecipeError
from model_repository.serving import default_version, history, out_of_service

Experiments = Mapping[str, Sequence[tuple[str, frozenset[int]]]]
"""By model: the keys of the experiments that show versions of it, and these versions."""


def read_experiments(path: Path) -> Experiments:
    """The versions that the gateway's experiments name.

    Raises:
        RecipeError: the file cannot be read, or is not one of experiments.
    """
    found: dict[str, list[tuple[str, frozenset[int]]]] = {}
    try:
        for experiment in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("experiments") or []:
            for model, versions in _versions_of(experiment).items():
                found.setdefault(model, []).append((str(experiment["key"]), frozenset(versions)))
    except OSError as exc:
        raise RecipeError(f"{path}: the experiments cannot be read: {exc.strerror}") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise RecipeError(f"{path}: not YAML: {' '.join(str(exc).split())}") from exc
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as exc:
        raise RecipeError(f"{path}: not a file of experiments, each with key, model and variants with a version: {exc!r}") from exc
    return found


def _versions_of(experiment: Mapping[str, Any]) -> dict[str, set[int]]:
    """By model: a variant may be a version of another model than the experiment's own.

    An experiment that names no model is on that of its first variant.
    """
    versions: dict[str, set[int]] = {}
    own = experiment.get("model") or experiment["variants"][0].get("model")
    for variant in experiment["variants"]:
        model = variant.get("model") or own
        if not isinstance(model, str):
            raise ValueError("neither the experiment nor its first variant names a model")
        versions.setdefault(model, set()).add(int(variant["version"]))
    return versions


def uses(config: Any, packaged: Collection[int], experiments: Sequence[tuple[str, frozenset[int]]]) -> dict[int, list[str]]:
    """What each packaged version is used for, in words; a version without a use is not needed.

    Besides the default and the experiments' versions, these are used: the default that a rollback
    would restore, and versions in service that are newer than the default, as they may wait for
    their promotion.

    Raises:
        ServingError: a parameter of the `ModelConfig` cannot be read.
    """
    found: dict[int, list[str]] = {version: [] for version in packaged}
    in_service = set(packaged) - out_of_service(config)
    newest = max(in_service or packaged)
    promoted, before = default_version(config), history(config)
    default = newest if promoted is None else promoted

    def note(version: int, use: str) -> None:
        if version in found:
            found[version].append(use)

    note(default, "default" if promoted is not None else "newest")
    if before:
        note(newest if before[-1] is None else before[-1], "rollback")
    for version in sorted(in_service):
        if version > default:
            note(version, "newer than the default")
    for key, versions in experiments:
        for version in sorted(versions):
            note(version, f"experiment {key}")
    return found
