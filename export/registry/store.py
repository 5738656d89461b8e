"""Versions in a store: any URL that fsspec knows.

Examples are `s3://bucket/prefix`, `hf://org/name` and `file:///folder`.

    <url>/<model>/config.pbtxt
    <url>/<model>/<version>/{model.onnx, model.onnx_data, tokenizer.json, report.html, report.md,
                             manifest.sig, manifest.json}

A store is a model repository itself, so a Triton can serve it. The manifest is written last: a
folder without it is not a version.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from export import report
from export.errors import ExportError
from export.registry.version_name import VersionName
from model_repository import config, signature
from model_repository.config import ModelConfig
from model_repository.manifest import FILE, GRAPH, GRAPH_DATA, TOKENIZER, Manifest, ManifestError
from model_repository.serving import ServingError

OPTIONAL = (GRAPH_DATA, *report.FILES, signature.FILE)
FILES = (GRAPH, TOKENIZER, *OPTIONAL, FILE)
"""In the order in which they are written."""


class Store:
    """A model repository behind a URL."""

    def __init__(self, url: str) -> None:
        """Open the store.

        Raises:
            ExportError: nothing is installed for the URL's scheme, or the store cannot be reached.
        """
        self.url = url.rstrip("/")
        with self._translated("opened"):
            # what others wrote a moment ago must be seen
            found: tuple[AbstractFileSystem, str] = url_to_fs(self.url, skip_instance_cache=True, use_listings_cache=False)
            self._fs, self._root = found

    def find(self) -> list[VersionName]:
        """The versions in the store.

        Raises:
            ExportError: the store cannot be read.
        """
        with self._translated("listed"):
            names = ["/".join(PurePosixPath(path).parts[-3:-1]) for path in self._fs.glob(f"{self._root}/*/*/{FILE}")]
        found = []
        for name in names:
            with suppress(ValueError):  # another folder
                found.append(VersionName.parse(name))
        return sorted(found)

    def manifest(self, name: VersionName) -> bytes | None:
        """The bytes of a version's manifest; None: there is no such version."""
        return self._read(f"{self._folder(name)}/{FILE}")

    def signature(self, name: VersionName) -> bytes | None:
        """The bytes of a version's signature; None: unsigned or no such version."""
        return self._read(f"{self._folder(name)}/{signature.FILE}")

    def upload(self, name: VersionName, version_folder: Path) -> None:
        """Write a version's files; they replace those of another version with its number.

        Raises:
            ExportError: the store refuses them.
        """
        target = self._folder(name)
        with self._translated("written"):
            for file in (FILE, *OPTIONAL):  # the manifest first: until it is back, there is no version
                if self._fs.exists(f"{target}/{file}"):
                    self._fs.rm_file(f"{target}/{file}")
            for file in FILES:
                if (version_folder / file).exists():
                    self._put(version_folder / file, f"{target}/{file}")

    def upload_config(self, model: str, first: ModelConfig | None) -> None:
        """Write the model's configuration for the versions in the store.

        `first` is used where the store has no configuration yet.

        Raises:
            ExportError: a configuration or a manifest in the store cannot be read.
        """
        names = [name for name in self.find() if name.model == model]
        manifests = {name.version: Manifest.parse(self.manifest(name) or b"", where=f"{self.url}/{name}/{FILE}") for name in names}
        signatures = {name.version: text.decode("ascii", "replace").strip() for name in names if (text := self.signature(name)) is not None}
        target = f"{self._root}/{model}/{config.FILE}"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, config.FILE)
            try:
                if (text := self._read(target)) is not None:
                    path.write_bytes(text)
                    first = config.read(path)
                config.write(path, config.updated(first, manifests, signatures))
            except (config.ConfigError, ServingError, ManifestError) as exc:
                raise ExportError(f"{self.url}/{model}/{config.FILE}: {exc}") from exc
            with self._translated("written"):
                self._put(path, target)

    def download(self, name: VersionName, folder: Path) -> None:
        """Read a version's files into a folder.

        Raises:
            ExportError: one of them cannot be read.
        """
        source = self._folder(name)
        with self._translated("read"):
            for file in FILES:
                if file not in OPTIONAL or self._fs.exists(f"{source}/{file}"):
                    self._fs.get_file(f"{source}/{file}", str(folder / file))

    def _folder(self, name: VersionName) -> str:
        return f"{self._root}/{name}"

    def _read(self, path: str) -> bytes | None:
        with self._translated("read"):
            found: bytes | None = self._fs.cat_file(path) if self._fs.exists(path) else None
        return found

    def _put(self, path: Path, target: str) -> None:
        if self._fs.protocol == ("file", "local"):
            self._fs.makedirs(self._fs._parent(target), exist_ok=True)
        self._fs.put_file(str(path), target)

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        """Translate the errors of any kind of store into one of ours, which names the store."""
        try:
            yield
        except ExportError:
            raise
        except Exception as exc:
            reason = " ".join(str(exc).split()) or type(exc).__name__
            raise ExportError(f"{self.url} cannot be {done}: {reason}") from exc
