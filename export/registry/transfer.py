"""Push a packaged version to a store, and pull one from it.

Nothing enters the repository before it was checked.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from export.errors import ExportError
from export.registry.model_folder import read_config, require_version
from export.registry.package import commit, require_same_files, staging_copy
from export.registry.store import Store
from export.registry.verification import require_signed
from export.registry.version_name import VersionName
from model_repository import signature
from model_repository.manifest import FILE, Manifest, ManifestError
from model_repository.signature import PublicKey


def push(repository: Path, name: VersionName, url: str, *, force: bool) -> bool:
    """Write a version to a store; returns whether there was anything to do.

    Raises:
        ExportError: its files do not have the digest of its manifest, the store holds another
            version by this name and `force` is false, or the store refuses it.
    """
    manifest = require_version(repository, name.model, name.version)
    folder = repository / name.model / str(name.version)
    require_same_files(folder, manifest)
    store = Store(url.rstrip("/").removesuffix(f"/{name}"))
    there = store.manifest(name)
    same = there == (folder / FILE).read_bytes()
    if there is not None and not same and not force:
        raise ExportError(f"{store.url} holds another version {name} already; push under a new version number, or replace it with --force")
    # a version that is unsigned here does not take the store's signature away
    own = _bytes(folder / signature.FILE)
    changed = not same or (own is not None and own != store.signature(name))
    if changed:
        store.upload(name, folder)
    store.upload_config(name.model, read_config(repository / name.model))
    return changed


def choose(url: str, name: VersionName | None) -> tuple[Store, VersionName]:
    """The store and the version that are meant: by name, by the URL's end, or the only one there.

    Raises:
        ExportError: there is no such version, or more than one; the message names those that exist.
    """
    url = url.rstrip("/")
    if name is None:
        base, _, version = url.rpartition("/")
        base, _, model = base.rpartition("/")
        try:
            name = VersionName.parse(f"{model}/{version}")
            url = base
        except ValueError:
            return _only(Store(url))
    store = Store(url.removesuffix(f"/{name}"))
    if store.manifest(name) is None:
        raise ExportError(f"{store.url} holds no version {name}; there are: {', '.join(map(str, store.find())) or 'none'}")
    return store, name


@dataclass(frozen=True)
class Pulled:
    """Whether a version was taken over, and what people should know if nobody judged it."""

    done: bool
    note: str | None = None


def pull(repository: Path, store: Store, name: VersionName, *, key: PublicKey | None, force: bool, unjudged: bool = False) -> Pulled:
    """Copy a version from a store, checked.

    `unjudged`: a version that nobody judged may become the default.

    Raises:
        ExportError: its files do not have the digest of its manifest, its signature is not by
            `key`'s owner, the store cannot be read, the repository holds another version by this
            name and `force` is false, or one that nobody judged would take the place of the
            default.
    """
    target = repository / name.model / str(name.version)
    there = _bytes(target / FILE)
    with tempfile.TemporaryDirectory(prefix="headrace-pull-") as scratch:
        folder = Path(scratch)
        store.download(name, folder)
        _require_named(folder, name, store.url)
        if key:
            require_signed(folder, key)
        same, signed = there == _bytes(folder / FILE), _bytes(folder / signature.FILE)
        if there is not None and not same and not force:
            raise ExportError(f"{repository} holds another version {name} already; replace it with --force")
        with staging_copy(repository, folder) as staged:
            # a version that is unsigned there does not take the signature away that it has here
            if same and not force and signed in (None, _bytes(target / signature.FILE)):
                require_same_files(target, staged.manifest)
                return Pulled(False)
            return Pulled(True, commit(staged, repository, unjudged=unjudged))


def _only(store: Store) -> tuple[Store, VersionName]:
    found = store.find()
    if len(found) != 1:
        there = f"{len(found)} versions; name one: {', '.join(map(str, found))}" if found else "no version"
        raise ExportError(f"{store.url} holds {there}")
    return store, found[0]


def _require_named(folder: Path, name: VersionName, url: str) -> None:
    """Require the manifest's names to be those that were asked for: they become a path."""
    try:
        manifest = Manifest.parse((folder / FILE).read_bytes(), where=f"{url}/{name}/{FILE}")
    except ManifestError as exc:
        raise ExportError(f"{exc}; nothing was taken over") from exc
    if (manifest.model, manifest.version) != (name.model, name.version):
        raise ExportError(f"{url}/{name} holds the manifest of {manifest.model}/{manifest.version}; nothing was taken over")


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
