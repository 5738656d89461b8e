"""Package a version: staged beside its place, verified there, then renamed in one step.

    <repository>/<model>/.staging-…/<model>/{config.pbtxt, <version>/…}
    <repository>/<model>/{config.pbtxt, <version>/…}

A version's folder holds `model.onnx`, `tokenizer.json`, `manifest.json`, `report.html` and
`report.md`. The staging folder is itself a repository that holds this version only, so that a
Triton can try it. An export that fails leaves no trace.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from export import report
from export.errors import ExportError
from export.registry import default_version
from export.registry.model_folder import STAGING, current_config, lock, read_config, versions, write_config
from model_repository import config, signature
from model_repository.manifest import FILE, GRAPH, GRAPH_DATA, TOKENIZER, Answering, Manifest, answer_digest, graph_files
from model_repository.tensors import TEXT_PAIR


@dataclass(frozen=True)
class Staged:
    """A packaged version that is not in the repository yet; `repository` holds nothing else."""

    repository: Path
    manifest: Manifest

    @property
    def version_folder(self) -> Path:
        """The folder of graph, tokenizer and manifest."""
        return self.repository / self.manifest.model / str(self.manifest.version)


def find_version(repository: Path, model: str, version: int) -> Manifest | None:
    """The manifest of a version that is in the repository.

    Raises:
        ExportError: a manifest that cannot be read.
    """
    return versions(repository / model).get(version)


def require_intact(repository: Path, manifest: Manifest) -> None:
    """Require that a packaged version's files are as in its manifest, and repair `config.pbtxt`.

    A configuration that was lost, or not yet written when an export was cut off, is written again.

    Raises:
        ExportError: a file was changed or is gone.
    """
    model = repository / manifest.model
    require_same_files(model / str(manifest.version), manifest)
    if read_config(model) != current_config(model):
        with lock(model):
            write_config(model)


def require_same_files(folder: Path, manifest: Manifest) -> None:
    """Require that the files in a version's folder have the digest of its manifest.

    Raises:
        ExportError: a file was changed or is gone.
    """
    try:
        found = answer_digest(folder / GRAPH, folder / TOKENIZER, manifest)
    except OSError as exc:
        raise ExportError(f"{exc.filename} of a packaged version is gone; export it anew with --force") from exc
    if found != manifest.digest:
        raise ExportError(
            f"{folder} has the digest {found}, and its manifest says {manifest.digest}: a file was changed; export it anew with --force"
        )


def require_same_model(repository: Path, model: str, version: int, answering: Answering, target: str) -> None:
    """Require the task, inputs and target of the model's other versions.

    The versions of a model share one configuration.

    Raises:
        ExportError: another version has another task, other inputs or another target, or
            `config.pbtxt` cannot be read.
    """
    for number, other in versions(repository / model).items():
        if number != version and (other.task, other.tensors, other.target) != (answering.task, answering.tensors, target):
            raise ExportError(
                f"version {number} of {model} is {_inputs(other)} for {other.target}, and version {version} would be {_inputs(answering)} "
                f"for {target}; the versions of a model share one configuration: choose another model name"
            )
    read_config(repository / model)


def _inputs(answering: Answering) -> str:
    return f"{answering.task}{' of pairs' if TEXT_PAIR in answering.tensors.inputs else ''}"


def require_provider(repository: Path, model: str, provider: str) -> None:
    """Require that a model in the repository is served by this execution provider.

    The versions of a model share one configuration.

    Raises:
        ExportError: its `config.pbtxt` names another one.
    """
    known = read_config(repository / model)
    if known is not None and (found := known.parameters["execution_provider"].string_value) != provider:
        raise ExportError(
            f"{repository / model / config.FILE} serves {model} with {found}, and this version needs {provider}; "
            "change its parameter execution_provider (the other versions then run there too), or choose another model name"
        )


@contextmanager
def staging(repository: Path, manifest: Manifest, graph: Path, tokenizer: Path) -> Iterator[Staged]:
    """Copy a version's files beside their place, the manifest last.

    What is not committed is removed at the end.
    """
    with _staging(repository, manifest) as staged:
        for path in graph_files(graph):
            shutil.copyfile(path, staged.version_folder / path.name)
        shutil.copyfile(tokenizer, staged.version_folder / TOKENIZER)
        _write_manifest(staged.version_folder / FILE, manifest.to_json().encode())
        write_config(staged.version_folder.parent)
        yield staged


@contextmanager
def staging_copy(repository: Path, version_folder: Path) -> Iterator[Staged]:
    """Stage a version that was packaged elsewhere.

    Its manifest and signature stay as they are, to the byte.

    Raises:
        ExportError: its files do not have the digest of its manifest.
    """
    text = (version_folder / FILE).read_bytes()
    manifest = Manifest.parse(text, where=str(version_folder / FILE))
    with _staging(repository, manifest) as staged:
        for file in (GRAPH, GRAPH_DATA, TOKENIZER, *report.FILES, signature.FILE):
            if (version_folder / file).exists():
                shutil.copyfile(version_folder / file, staged.version_folder / file)
        require_same_files(staged.version_folder, manifest)
        _write_manifest(staged.version_folder / FILE, text)
        write_config(staged.version_folder.parent)
        yield staged


@contextmanager
def _staging(repository: Path, manifest: Manifest) -> Iterator[Staged]:
    model = repository / manifest.model
    made = _make_folders(model)
    folder = Path(tempfile.mkdtemp(prefix=STAGING, dir=model))
    try:
        with lock(folder):
            _remove_abandoned(model)
            staged = Staged(folder, manifest)
            staged.version_folder.mkdir(parents=True)
            yield staged
    finally:
        shutil.rmtree(folder)
        for path in made:
            with suppress(OSError):  # not empty: the version is there
                path.rmdir()


def commit(staged: Staged, repository: Path, *, unjudged: bool = False) -> str | None:
    """Put a staged version into the repository and into `config.pbtxt`.

    It replaces a version with the same number. A user's edits in `config.pbtxt` stay. A version
    that nobody judged becomes the default where no other is, or where `unjudged` says so; returns
    what people should know of that.

    Raises:
        ExportError: it has another task or target than the model's other versions, or would take
            the place of a judged version that answers by default.
    """
    manifest = staged.manifest
    model = repository / manifest.model
    target, replaced = model / str(manifest.version), staged.repository / "replaced"
    with lock(model):
        require_same_model(repository, manifest.model, manifest.version, manifest, manifest.target)
        if manifest.unjudged:
            default_version.require_replaceable(repository, manifest.model, manifest.version, said=unjudged)
        before, said = default_version.present(repository, manifest.model), list[str | None]()
        if target.exists():
            target.rename(replaced)
        try:
            staged.version_folder.rename(target)
            write_config(
                model,
                lambda settings: said.append(default_version.settle(settings, manifest, versions(model), before, said=unjudged)),
            )
        except BaseException:
            if target.exists():
                target.rename(staged.version_folder)
            if replaced.exists():
                replaced.rename(target)
            raise
    return said[0]


def _write_manifest(path: Path, text: bytes) -> None:
    with path.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and its parents; returns those that were missing, innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_abandoned(model: Path) -> None:
    """Remove staging folders of exports that were killed: they are not locked."""
    for folder in model.glob(f"{STAGING}*"):
        with suppress(OSError), lock(folder, wait=False):
            shutil.rmtree(folder)
