"""Whether a packaged version is what its manifest says and `config.pbtxt` has it.

Optionally also whether it is signed.
"""

from collections.abc import Iterator
from pathlib import Path

from export.errors import ExportError
from export.registry.model_folder import read_config, require_version
from export.registry.package import require_same_files
from model_repository import config, signature
from model_repository.manifest import FILE, Manifest, ManifestError
from model_repository.signature import PublicKey, SignatureError


def faults(repository: Path, model: str, version: int, key: PublicKey | None) -> list[str]:
    """What is wrong with a version, a sentence each.

    Its signature is checked where a key is given.

    Raises:
        ExportError: there is no such version, or its manifest cannot be read.
    """
    manifest = require_version(repository, model, version)
    folder = repository / model / str(version)
    return [
        *_identity_faults(folder, manifest),
        *_file_faults(folder, manifest),
        *_config_faults(folder, manifest),
        *(_signature_faults(folder, key) if key else []),
    ]


def _identity_faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    if manifest.model != folder.parent.name:
        yield f"{folder / FILE} is of model {manifest.model}, and lies in the folder of {folder.parent.name}"


def _file_faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    try:
        require_same_files(folder, manifest)
    except ExportError as exc:
        yield str(exc)


def _config_faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    path = folder.parent / config.FILE
    remedy = f"`python -m export load {folder.parent.name}` writes it anew"
    try:
        known = read_config(folder.parent)
        configured = {} if known is None else config.manifests(known)
    except (ExportError, ManifestError) as exc:
        yield str(exc)
        return
    if known is None:
        yield f"{path} is gone; {remedy}"
        return
    if manifest.version not in configured:
        yield f"{path} does not tell of version {manifest.version}; {remedy}"
    elif configured[manifest.version] != manifest:
        yield f"{path} holds another manifest of version {manifest.version} than {folder / FILE}; {remedy}"
    if signature.signature(known, manifest.version) != signature.read_signatures(folder.parent).get(manifest.version):
        yield f"{path} holds another signature of version {manifest.version} than {folder / signature.FILE}; {remedy}"


def _signature_faults(folder: Path, key: PublicKey) -> Iterator[str]:
    try:
        require_signed(folder, key)
    except ExportError as exc:
        yield str(exc)


def require_signed(folder: Path, key: PublicKey) -> None:
    """The manifest in a version's folder is signed by the key's owner.

    Raises:
        ExportError: it is unsigned, altered, or signed with another key.
    """
    path = folder / signature.FILE
    try:
        text = path.read_text(encoding="ascii", errors="replace") if path.exists() else None
        key.check((folder / FILE).read_bytes(), text)
    except SignatureError as exc:
        raise ExportError(f"{folder}: {exc}") from exc
