"""Package a version: staged beside its place, verified there, then renamed into the repository in one step.

    <repository>/<model>/.staging-…/<model>/{config.pbtxt, <version>/{model.onnx, tokenizer.json, manifest.json}}
    <repository>/<model>/{config.pbtxt, <version>/…}

The staging folder is itself a repository that holds this version only, so that a Triton can try it. What fails leaves no trace.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.errors import ExportError
from model_repository import config
from model_repository.manifest import FILE, GRAPH, TOKENIZER, Answering, Manifest, ManifestError, answer_digest, read_versions
from model_repository.tensors import TEXT_PAIR, tensors_of

_STAGING = ".staging-"


@dataclass(frozen=True)
class Staged:
    """A packaged version that is not in the repository yet. `repository` holds nothing else."""

    repository: Path
    manifest: Manifest

    @property
    def version_folder(self) -> Path:
        """Where graph, tokenizer and manifest lie."""
        return self.repository / self.manifest.model / str(self.manifest.version)


def find_version(repository: Path, model: str, version: int) -> Manifest | None:
    """The manifest of a version that is in the repository.

    Raises:
        ExportError: a manifest that cannot be read.
    """
    return _versions(repository / model).get(version)


def require_intact(repository: Path, manifest: Manifest) -> None:
    """A packaged version's files are those that its manifest speaks of, and `config.pbtxt` knows it.

    A configuration that was lost, or not yet written when an export was cut off, is written anew.

    Raises:
        ExportError: a file was changed or is gone.
    """
    folder = repository / manifest.model / str(manifest.version)
    try:
        found = answer_digest(folder / GRAPH, folder / TOKENIZER, manifest)
    except OSError as exc:
        raise ExportError(f"{exc.filename} of a packaged version is gone; export it anew with --force") from exc
    if found != manifest.digest:
        raise ExportError(
            f"{folder} has the digest {found}, and its manifest says {manifest.digest}: a file was changed; export it anew with --force"
        )
    known = _read_config(repository / manifest.model)
    if known is None or _known_versions(known).get(manifest.version) != manifest:
        with _lock(repository / manifest.model):
            _write_config(repository / manifest.model)


def require_same_model(repository: Path, model: str, version: int, answering: Answering, target: str) -> None:
    """The versions of a model share one configuration, so one task with the same inputs, and one target.

    Raises:
        ExportError: another version has another task, other inputs or another target, or `config.pbtxt` cannot be read.
    """
    for number, other in _versions(repository / model).items():
        if number != version and (other.task, tensors_of(other), other.target) != (answering.task, tensors_of(answering), target):
            raise ExportError(
                f"version {number} of {model} is {_inputs(other)} for {other.target}, and version {version} would be {_inputs(answering)} "
                f"for {target}; the versions of a model share one configuration: choose another model name"
            )
    _read_config(repository / model)


def _inputs(answering: Answering) -> str:
    return f"{answering.task}{' of pairs' if TEXT_PAIR in tensors_of(answering).inputs else ''}"


def require_provider(repository: Path, model: str, provider: str) -> None:
    """A model that is in the repository already is served by this execution provider: its versions share one configuration.

    Raises:
        ExportError: its `config.pbtxt` names another one.
    """
    known = _read_config(repository / model)
    if known is not None and (found := known.parameters["execution_provider"].string_value) != provider:
        raise ExportError(
            f"{repository / model / config.FILE} serves {model} with {found}, and this version needs {provider}; "
            "change its parameter execution_provider (the other versions then run there too), or choose another model name"
        )


@contextmanager
def staging(repository: Path, manifest: Manifest, graph: Path, tokenizer: Path) -> Iterator[Staged]:
    """Copy a version's files beside their place, the manifest last; whatever is still there at the end is removed."""
    model = repository / manifest.model
    made = _make_folders(model)
    folder = Path(tempfile.mkdtemp(prefix=_STAGING, dir=model))
    try:
        with _lock(folder):
            _remove_abandoned(model)
            staged = Staged(folder, manifest)
            staged.version_folder.mkdir(parents=True)
            shutil.copyfile(graph, staged.version_folder / GRAPH)
            shutil.copyfile(tokenizer, staged.version_folder / TOKENIZER)
            _write_manifest(staged.version_folder / FILE, manifest)
            config.write(staged.version_folder.parent / config.FILE, config.updated(None, {manifest.version: manifest}))
            yield staged
    finally:
        shutil.rmtree(folder)
        for path in made:
            with suppress(OSError):  # not empty: the version is there
                path.rmdir()


def commit(staged: Staged, repository: Path) -> None:
    """Put a staged version into the repository, in the place of one with the same number if there is one, and say so in `config.pbtxt`.

    What a user edited in `config.pbtxt` stays.
    """
    manifest = staged.manifest
    model = repository / manifest.model
    target, replaced = model / str(manifest.version), staged.repository / "replaced"
    with _lock(model):
        require_same_model(repository, manifest.model, manifest.version, manifest, manifest.target)
        if target.exists():
            target.rename(replaced)
        try:
            staged.version_folder.rename(target)
            _write_config(model)
        except BaseException:
            if target.exists():
                target.rename(staged.version_folder)
            if replaced.exists():
                replaced.rename(target)
            raise


def _write_config(model: Path) -> None:
    config.write(model / config.FILE, config.updated(_read_config(model), _versions(model)))


def _read_config(model: Path) -> ModelConfig | None:
    path = model / config.FILE
    try:
        return config.read(path) if path.exists() else None
    except config.ConfigError as exc:
        raise ExportError(f"{exc}; correct the file, or remove it to get a new one") from exc


def _known_versions(known: ModelConfig) -> dict[int, Manifest]:
    try:
        return config.manifests(known)
    except ManifestError:
        return {}  # written anew from the manifests in the version folders


def _versions(model: Path) -> dict[int, Manifest]:
    try:
        return read_versions(model)
    except ManifestError as exc:
        raise ExportError(f"{exc}; remove that version's folder or export it anew under another number") from exc


def _write_manifest(path: Path, manifest: Manifest) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(manifest.to_json())
        file.flush()
        os.fsync(file.fileno())


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and its parents; returns those that were not there, innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_abandoned(model: Path) -> None:
    """Remove staging folders of exports that were killed: nobody holds their lock."""
    for folder in model.glob(f"{_STAGING}*"):
        with suppress(OSError), _lock(folder, wait=False):
            shutil.rmtree(folder)


@contextmanager
def _lock(folder: Path, *, wait: bool = True) -> Iterator[None]:
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
