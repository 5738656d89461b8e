"""The catalog: which versions of which models Triton serves, learned from Triton's own API. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import NotFound
from model_repository import config as contract
from model_repository.manifest import Manifest


@dataclass(frozen=True, slots=True)
class ServedVersion:
    """A version by its manifest; `reason` is Triton's word where it is not ready."""

    manifest: Manifest
    ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model and its versions; `instances` and `max_batch_size` are those of its `config.pbtxt`."""

    name: str
    versions: Mapping[int, ServedVersion]
    instances: int
    max_batch_size: int

    @property
    def default_version(self) -> int:
        """The newest version that is ready (the newest of all where none is)."""
        ready = [number for number, version in self.versions.items() if version.ready]
        return max(ready or self.versions)

    def is_ready(self, version: int) -> bool:
        """Whether Triton answers for this version."""
        return version in self.versions and self.versions[version].ready


@dataclass(frozen=True, slots=True)
class Catalog:
    """What Triton serves."""

    models: Mapping[str, ServedModel]

    def model(self, name: str) -> ServedModel:
        """Find a model.

        Raises:
            NotFound: names the models that there are.
        """
        if name not in self.models:
            raise NotFound(f"no such model; there are: {', '.join(sorted(self.models)) or 'none'}")
        return self.models[name]


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One line of Triton's repository index."""

    name: str
    version: str
    state: str
    reason: str


def build(index: Iterable[IndexEntry], configs: Mapping[str, Any]) -> Catalog:
    """The catalog from Triton's repository index and the configurations of its models (`ModelConfig` by name).

    Models without manifests of ours are left out.

    Raises:
        ManifestError: a configuration holds a manifest that cannot be read.
    """
    states = {(entry.name, entry.version): entry for entry in index}
    models = {}
    for name, config in configs.items():
        versions = {}
        for number, manifest in contract.manifests(config).items():
            entry = states.get((name, str(number)))
            ready = entry is not None and entry.state == "READY"
            versions[number] = ServedVersion(manifest, ready, "" if ready else entry.reason if entry else "not loaded")
        if versions:
            models[name] = ServedModel(name, versions, contract.instances(config), max(config.max_batch_size, 1))
    return Catalog(models)
