"""A Triton without a network, a process or a model."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from gateway.catalog.catalog import Catalog, IndexEntry, build
from gateway.errors import (
    BackendBroken,
    DeadlineExceeded,
    GatewayError,
    InvalidRequest,
    ItemFault,
    NotReady,
    PackageReplaced,
    Unreachable,
)
from gateway.fakes.condition import Condition
from gateway.fakes.predictions import Predict, predict
from gateway.fakes.rows import pack_faulty_row, pack_row
from gateway.request.prediction import Item
from gateway.request.priority import Priority
from gateway.triton.model_server import ModelServer
from model_repository import config as contract
from model_repository.manifest import Manifest


class InferCall(NamedTuple):
    """A call of `infer` as it came."""

    manifest: Manifest
    items: tuple[Item, ...]
    timeout_s: float
    priority: Priority

    @property
    def texts(self) -> list[str]:
        """The items' first texts."""
        return [item.text.decode(errors="replace") for item in self.items]


class FakeTriton:
    """A `ModelServer` that serves the given versions; `predict` makes the prediction for an item.

    An item has as many tokens as its texts have words. The controls may be used from any thread:

    - `calls`: the calls of `infer` that came, answered or not;
    - `hold()`, `release()`: calls that come in between wait, as long as their time allows;
    - `fault`, `catalog_fault`: while set, what `infer` and `catalog` raise;
    - `serve(…)`, `unload(…)`: change what is served.
    """

    def __init__(
        self, *manifests: Manifest, predict: Predict = predict, instances: int = 2, max_batch_size: int = contract.MAX_BATCH_SIZE
    ) -> None:
        self.calls: list[InferCall] = []
        self.fault: GatewayError | None = None
        self.catalog_fault: GatewayError | None = None
        self.closed = False
        self._predict = predict
        self._instances, self._max_batch_size = instances, max_batch_size
        self._changed = Condition()
        self._held = False
        self.serve(*manifests)

    def __repr__(self) -> str:
        models = {name: [*model.versions] for name, model in self._catalog.models.items()}
        return f"<FakeTriton {models}, {len(self.calls)} calls>"

    def serve(self, *manifests: Manifest) -> None:
        """Serve these versions, and no others, from now on."""
        self._manifests = manifests
        self._unloaded: dict[tuple[str, int], str] = {}
        self._rebuild()

    def unload(self, model: str, version: int, reason: str = "unloaded") -> None:
        """Keep a version in the catalog, not ready."""
        self._unloaded[model, version] = reason
        self._rebuild()

    def hold(self) -> None:
        """Let calls that come from now on wait."""
        self._held = True

    def release(self) -> None:
        """Let all calls that wait go on."""
        self._held = False
        self._changed.notify_all()

    async def called(self, times: int) -> None:
        """Wait until so many calls of `infer` have come, all in all."""
        await self._changed.wait_for(lambda: len(self.calls) >= times)

    async def catalog(self, timeout_s: float) -> Catalog:
        """What is served.

        Raises:
            GatewayError: the `catalog_fault`.
        """
        if self.catalog_fault is not None:
            raise self.catalog_fault
        return self._catalog

    async def infer(self, manifest: Manifest, items: Sequence[Item], timeout_s: float, priority: Priority) -> list[bytes | Exception]:
        """The row of each item; an `ItemFault` where `predict` raised an `InvalidRequest`.

        Raises:
            GatewayError: the `fault`.
            PackageReplaced: the version is served by another package.
            NotReady: the version is not served.
            DeadlineExceeded: the call was held for longer than `timeout_s` seconds.
            BackendBroken: more items than `max_batch_size`.
            Unreachable: it was closed.
        """
        self.calls.append(InferCall(manifest, tuple(items), timeout_s, priority))
        self._changed.notify_all()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait_for(lambda: not self._held or self.closed)
        except TimeoutError as exc:
            raise DeadlineExceeded(
                "the model did not answer in time; allow more with X-Request-Timeout-Ms or send fewer instances"
            ) from exc
        if self.closed:
            raise Unreachable("the model server does not answer now; try again later")
        if self.fault is not None:
            raise self.fault
        if not self._serves(manifest.model, manifest.version):
            raise NotReady("the model server does not answer for this version now; try again later")
        if self._catalog.models[manifest.model].versions[manifest.version].manifest.digest != manifest.digest:
            raise PackageReplaced(f"version {manifest.version} of model {manifest.model} was replaced while it answered; try again")
        if len(items) > self._max_batch_size:
            raise BackendBroken("the model server failed on this request")
        return [self._row(manifest, item) for item in items]

    async def aclose(self) -> None:
        """End: calls that are held, and later ones, fail."""
        self.closed = True
        self._changed.notify_all()

    def _serves(self, model: str, version: int) -> bool:
        served = self._catalog.models.get(model)
        return served is not None and served.is_ready(version)

    def _row(self, manifest: Manifest, item: Item) -> bytes | Exception:
        tokens = len(b" ".join((item.text, item.text_pair or b"")).split())
        try:
            return pack_row(manifest, self._predict(manifest, item), tokens)
        except InvalidRequest as exc:
            return ItemFault(exc.message, pack_faulty_row(manifest, tokens))

    def _rebuild(self) -> None:
        """Make the catalog as the gateway makes it of a real Triton's answers."""
        models = {manifest.model for manifest in self._manifests}
        configs = {}
        for model in models:
            config = contract.updated(None, {manifest.version: manifest for manifest in self._manifests if manifest.model == model})
            config.instance_group[0].count = self._instances
            config.max_batch_size = self._max_batch_size
            configs[model] = config
        self._catalog = build([self._entry(manifest) for manifest in self._manifests], configs)

    def _entry(self, manifest: Manifest) -> IndexEntry:
        reason = self._unloaded.get((manifest.model, manifest.version))
        return IndexEntry(manifest.model, str(manifest.version), "READY" if reason is None else "UNAVAILABLE", reason or "")


if TYPE_CHECKING:
    _fulfils: type[ModelServer] = FakeTriton
