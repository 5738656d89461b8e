"""The packaged versions of a model in a repository.

And a private copy of one of them, with a configuration of its own.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.knobs import Knobs
from loadtest.planning.sweep.stack.model_config import FILE, narrowed, tuned

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the manifest says of a version; what it does not say is None.

    `sizes` are bytes, `quality` is held against the fp32 reference, `speed` is that of one thread.
    """

    version: int
    precision: str | None = None
    target: str | None = None
    digest: str | None = None
    sizes: Mapping[str, int] | None = None
    quality: Mapping[str, JsonValue] | None = None
    speed: Mapping[str, JsonValue] | None = None

    @classmethod
    def of(cls, version: int, manifest: Mapping[str, Any]) -> "Facts":
        """Pick the facts from the JSON values of a manifest."""
        names = ("precision", "target", "digest", "sizes", "quality", "speed")
        return cls(version, **{name: manifest.get(name) for name in names})


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model's folder, the text of its `config.pbtxt`, and the facts on its versions."""

    folder: Path
    config: str
    versions: Mapping[int, Facts]

    def version(self, knobs: Knobs) -> int:
        """The version that the knobs ask for, or the newest.

        Raises:
            SweepError: it is not packaged.
        """
        version = max(self.versions) if knobs.version is None else knobs.version
        if version not in self.versions:
            there = ", ".join(map(str, sorted(self.versions)))
            raise SweepError(f"version {version} is not packaged in {self.folder}; there are {there}")
        return version

    def tuned(self, knobs: Knobs) -> str:
        """The `config.pbtxt` of all versions, with the knobs' batching and instances.

        Raises:
            SweepError: the knobs do not fit it.
        """
        return tuned(self.config, knobs, str(self.folder / FILE))

    def alone(self, knobs: Knobs) -> str:
        """The `config.pbtxt` of the knobs' version alone.

        Raises:
            SweepError: the knobs do not fit it, or the version is not packaged.
        """
        return narrowed(self.tuned(knobs), self.version(knobs), str(self.folder / FILE))

    def copy(self, knobs: Knobs, repository: Path) -> None:
        """Put the knobs' version alone, with its configuration, into an empty model repository."""
        version = self.version(knobs)
        model = repository / self.folder.name
        shutil.copytree(self.folder / str(version), model / str(version))
        (model / FILE).write_text(self.alone(knobs), encoding="utf-8")


def read_model(repository: Path, model: str) -> PackagedModel:
    """The packaged versions of a model.

    Raises:
        SweepError: there is no such model, no version of it, or a file that cannot be read.
    """
    folder = repository / model
    try:
        config = (folder / FILE).read_text(encoding="utf-8")
        paths = [path for path in folder.glob(f"*/{MANIFEST}") if path.parent.name.isdecimal()]
        manifests = {int(path.parent.name): json.loads(path.read_bytes()) for path in paths}
    except (OSError, ValueError) as exc:
        said = f"{exc.filename}: {exc.strerror}" if isinstance(exc, OSError) else str(exc)
        raise SweepError(f"the model {model!r} in {repository} cannot be read: {said}") from exc
    if not manifests:
        raise SweepError(f"no version of {model!r} is packaged in {repository}")
    return PackagedModel(folder, config, {version: Facts.of(version, values) for version, values in manifests.items()})


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes.

    Raises:
        SweepError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise SweepError(f"{path}: {exc.strerror}") from exc
