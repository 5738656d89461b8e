"""The catalog: which versions of which models Triton serves, by Triton's own API. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.errors import NotFound
from model_repository import config as contract
from model_repository import serving
from model_repository.manifest import Manifest
from model_repository.signature import PublicKey, SignatureError, check_served


@dataclass(frozen=True, slots=True)
class ServedVersion:
    """A version by its manifest.

    `reason` says why it is not ready; with `refused` it must not be, whatever Triton says. A
    version that is `leaving` gets no new requests, and Triton still answers those that it got.
    """

    manifest: Manifest
    ready: bool
    reason: str = ""
    refused: bool = False
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class Default:
    """A model's default version that was decided in the gateway.

    `experiment` promoted it; None: a roll-back restored it. It holds while the model's
    `config.pbtxt` promotes `configured` (None: no version), as it did when this was decided; so
    whoever promotes another version there later has the last word.
    """

    version: int
    experiment: str | None = None
    configured: int | None = None


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model and its versions.

    `instances`, `max_batch_size` and the `promoted` version, if any, are those of its
    `config.pbtxt`, which `config` is as a Triton `ModelConfig` message. `decided` is the default
    that was decided in the gateway, if one was.
    """

    name: str
    versions: Mapping[int, ServedVersion]
    instances: int
    max_batch_size: int
    promoted: int | None = None
    config: Any = None
    decided: Default | None = None

    @property
    def default_version(self) -> int:
        """The version for requests that name none.

        It is the one that was decided in the gateway, else the promoted one, while that is ready,
        else the newest ready one, else the newest.
        """
        return self.decided.version if self.decided is not None and self._holds(self.decided) else self._configured_version

    @property
    def default(self) -> Default:
        """The default version, and the experiment that promoted it, if one did."""
        if self.decided is not None and self._holds(self.decided):
            return self.decided
        return Default(self._configured_version, None, self.promoted)

    def _holds(self, decided: Default) -> bool:
        return decided.configured == self.promoted and self.is_ready(decided.version)

    @property
    def _configured_version(self) -> int:
        if self.promoted is not None and self.is_ready(self.promoted):
            return self.promoted
        ready = [number for number, version in self.versions.items() if version.ready]
        return max(ready or self.versions)

    def is_ready(self, version: int) -> bool:
        """Whether Triton serves this version now."""
        return version in self.versions and self.versions[version].ready


@dataclass(frozen=True, slots=True)
class Catalog:
    """What Triton serves, and the other names that clients may say (`gateway.catalog.aliases`)."""

    models: Mapping[str, ServedModel]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def model(self, name: str) -> ServedModel:
        """A model by its name, or by an alias that is no model's name.

        Raises:
            NotFound: there is none; the message names those that there are.
        """
        served = self.models.get(name) or self.models.get(self.aliases.get(name, ""))
        if served is None:
            alias = f", and {name} is an alias of {self.aliases[name]}" if name in self.aliases else ""
            raise NotFound(f"no such model; there are: {', '.join(sorted(self.models)) or 'none'}{alias}")
        return served

    def name_of(self, name: str) -> str:
        """The model that a name stands for, whether it is served or not."""
        return name if name in self.models else self.aliases.get(name, name)

    def aliases_of_models(self) -> dict[str, str]:
        """The aliases that lead to a model, and the names of their models."""
        return {alias: model for alias, model in self.aliases.items() if alias not in self.models and model in self.models}

    def deciding(self, defaults: Mapping[str, Default]) -> "Catalog":
        """The catalog with default versions that were decided in the gateway, by model."""
        decided = {name: replace(model, decided=defaults[name]) for name, model in self.models.items() if name in defaults}
        return replace(self, models={**self.models, **decided}) if decided else self

    def refused(self) -> Iterator[ServedVersion]:
        """The versions that must not be served."""
        return (version for model in self.models.values() for version in model.versions.values() if version.refused)


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One line of Triton's repository index."""

    name: str
    version: str
    state: str
    reason: str


def build(index: Iterable[IndexEntry], configs: Mapping[str, Any], key: PublicKey | None = None) -> Catalog:
    """The catalog, from Triton's repository index and its models' `ModelConfig`s by name.

    Models without manifests of ours are left out. With a key, versions whose manifests its owner
    did not sign are refused.

    Raises:
        ManifestError: a configuration holds a manifest that cannot be read.
        ServingError: a configuration's default version or versions out of service cannot be read.
    """
    states = {(entry.name, entry.version): entry for entry in index}
    models = {}
    for name, config in configs.items():
        versions = {
            number: _version(config, manifest, states.get((name, str(number))), key)
            for number, manifest in contract.manifests(config).items()
        }
        if versions:
            promoted = serving.default_version(config)
            models[name] = ServedModel(name, versions, contract.instances(config), max(config.max_batch_size, 1), promoted, config)
    return Catalog(models)


def _version(config: Any, manifest: Manifest, entry: IndexEntry | None, key: PublicKey | None) -> ServedVersion:
    if key:
        try:
            check_served(config, manifest.version, key)
        except SignatureError as exc:
            return ServedVersion(manifest, ready=False, reason=f"refused: {exc}", refused=True)
    ready = entry is not None and entry.state == "READY"
    if manifest.version in serving.out_of_service(config):
        # a version is put out of service before Triton unloads it
        return ServedVersion(manifest, ready=False, reason="out of service", leaving=ready)
    if entry is None:
        return ServedVersion(manifest, ready=False, reason="not loaded")
    return ServedVersion(manifest, ready, "" if ready else entry.reason)
