"""What the gateway needs of a model server.

`gateway.triton.client.Triton` is one, and for tests `gateway.fakes.triton.FakeTriton`.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.catalog.catalog import Catalog
from gateway.request.prediction import Item
from gateway.request.priority import Priority
from model_repository.manifest import Manifest


class ModelServer(Protocol):
    """Says which versions it serves, and computes rows with them."""

    async def catalog(self, timeout_s: float) -> Catalog:
        """The versions that are served now; `timeout_s` bounds each request that this takes.

        Raises:
            NotReady: no server answers.
            BackendBroken: what the server says of its models cannot be read.
        """
        ...

    async def infer(self, manifest: Manifest, items: Sequence[Item], timeout_s: float, priority: Priority) -> list[bytes | Exception]:
        """The rows of items (`gateway.request.row`); an `ItemFault` where an item alone failed.

        Raises:
            PackageReplaced: the version is another package by now; the catalog is to be read again.
            NotReady: the server is gone, or the version is not ready.
            DeadlineExceeded: no answer within `timeout_s` seconds.
            Overloaded: the server's queue is full.
            BackendBroken: any other error, or tensors that are not as the contract says.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections; calls in flight fail."""
        ...
