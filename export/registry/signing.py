"""Sign packaged versions."""

from pathlib import Path

from export.errors import ExportError
from export.registry.model_folder import lock, require_version, write_config
from export.registry.package import require_same_files
from model_repository import signature
from model_repository.manifest import FILE
from model_repository.signature import PrivateKey, PublicKey, SignatureError


def read_private_key(path: Path) -> PrivateKey:
    """A key from a PEM file.

    Raises:
        ExportError: it cannot be used.
    """
    try:
        return PrivateKey.read(path)
    except SignatureError as exc:
        raise ExportError(str(exc)) from exc


def read_public_key(text: str) -> PublicKey:
    """A key from its base64 or a file.

    Raises:
        ExportError: it cannot be used.
    """
    try:
        return PublicKey.read(text)
    except SignatureError as exc:
        raise ExportError(str(exc)) from exc


def sign(repository: Path, model: str, version: int, key: PrivateKey) -> None:
    """Write a version's signature beside its manifest and into `config.pbtxt`.

    Raises:
        ExportError: there is no such version, or its files do not have the digest of its manifest.
    """
    manifest = require_version(repository, model, version)
    folder = repository / model / str(version)
    require_same_files(folder, manifest)
    with lock(repository / model):
        part = folder / f"{signature.FILE}.part"
        part.write_text(key.sign((folder / FILE).read_bytes()) + "\n", encoding="ascii")
        part.replace(folder / signature.FILE)
        write_config(repository / model)
