"""A model's folder in the repository, read and changed under a lock.

It holds the model's versions and its `config.pbtxt`:

    <repository>/<model>/{config.pbtxt, <version>/…}
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from export.errors import ExportError
from model_repository import config
from model_repository.config import ModelConfig
from model_repository.manifest import Manifest, ManifestError, read_versions
from model_repository.serving import ServingError
from model_repository.signature import read_signatures

STAGING = ".staging-"
"""How the names of unfinished folders begin; the next export removes those without a lock."""


def versions(model: Path) -> dict[int, Manifest]:
    """The packaged versions of a model, by number.

    Raises:
        ExportError: a manifest that cannot be read.
    """
    try:
        return read_versions(model)
    except ManifestError as exc:
        raise ExportError(f"{exc}; remove that version's folder or export it anew under another number") from exc


def require_version(repository: Path, model: str, version: int) -> Manifest:
    """The manifest of a version that must exist.

    Raises:
        ExportError: it does not; the message names the versions that do.
    """
    found = require_model(repository, model)
    if version not in found:
        raise ExportError(f"{model} has no version {version} in {repository}; there are: {', '.join(map(str, found))}")
    return found[version]


def require_model(repository: Path, model: str) -> dict[int, Manifest]:
    """The versions of a model that must exist.

    Raises:
        ExportError: it has none; the message names the models that exist.
    """
    if found := versions(repository / model):
        return found
    raise ExportError(f"there is no model {model} in {repository}; there are: {', '.join(models(repository)) or 'none'}")


def models(repository: Path) -> list[str]:
    """The models that have a version in the repository."""
    return sorted(path.name for path in repository.glob("*") if path.is_dir() and versions(path))


def read_config(model: Path) -> ModelConfig | None:
    """A model's configuration; None where it has none yet.

    Raises:
        ExportError: it cannot be read.
    """
    path = model / config.FILE
    try:
        return config.read(path) if path.exists() else None
    except config.ConfigError as exc:
        raise ExportError(f"{exc}; correct the file, or remove it to get a new one") from exc


def write_config(model: Path, change: Callable[[ModelConfig], object] = lambda _: None) -> ModelConfig:
    """Write a model's configuration from the versions in its folder, and return it.

    `change` is made to the configuration that is there.

    Raises:
        ExportError: the configuration that is there cannot be read.
    """
    new = current_config(model)
    try:
        change(new)
    except ServingError as exc:
        raise ExportError(f"{model / config.FILE}: {exc}") from exc
    # once more: the version policy follows from what was changed
    new = updated(model, new)
    config.write(model / config.FILE, new)
    return new


def current_config(model: Path) -> ModelConfig:
    """A model's configuration for the versions in its folder.

    It is the one that is there, without versions that are gone.

    Raises:
        ExportError: the configuration that is there cannot be read.
    """
    return updated(model, read_config(model))


def updated(model: Path, known: ModelConfig | None) -> ModelConfig:
    """What a model's configuration must be for the versions in its folder.

    Raises:
        ExportError: a parameter of `known` cannot be read.
    """
    try:
        return config.updated(known, versions(model), read_signatures(model))
    except ServingError as exc:
        raise ExportError(f"{model / config.FILE}: {exc}") from exc


@contextmanager
def lock(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a folder against other exports; the lock goes with the process.

    Raises:
        BlockingIOError: another export holds it, and `wait` is false.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
