"""Triton over HTTP, by the Open Inference Protocol: its catalog, and inference.

Several Tritons are as one here; `endpoint_client` speaks to each.

Why not gRPC: an inference through gRPC's asyncio client costs the gateway 330 µs of CPU, through
`http1` 70 µs, and a lone request is answered half a millisecond sooner (two cores, one short text
at a time).
"""

from collections.abc import Mapping, Sequence, Set

import structlog

from gateway.catalog.catalog import Catalog
from gateway.catalog.merge import merged, routes, unready
from gateway.errors import GatewayError, NotReady, PackageReplaced
from gateway.observability import metrics
from gateway.observability.tracing import TraceCall, untraced
from gateway.request.prediction import Item
from gateway.request.priority import Priority
from gateway.triton.access import TritonAccess
from gateway.triton.binary_tensors import replaced
from gateway.triton.endpoint_client import EndpointClient
from gateway.triton.endpoints.discovery import Discovery
from gateway.triton.endpoints.pool import Endpoints
from model_repository.manifest import Manifest
from model_repository.signature import PublicKey

log = structlog.get_logger()


class Triton:
    """A client of all Tritons that `discovery` finds.

    With a key, only manifests that its owner signed are trusted.
    """

    def __init__(
        self,
        discovery: Discovery,
        key: PublicKey | None = None,
        access: TritonAccess | None = None,
        *,
        retry_share: float = 0.1,
        hedge_percentile: float | None = None,
        trace: TraceCall = untraced,
    ) -> None:
        self._key = key
        self._faulty: Set[str] = set()
        self._last_catalogs: dict[str, Catalog] = {}
        self._catalog = Catalog({})
        access = access or TritonAccess()
        tls, headers = access.context(), access.header_lines()

        def client_of(address: str) -> EndpointClient:
            return EndpointClient(address, name=discovery.name_of(address), tls=tls, headers=headers, trace=trace)

        self._endpoints = Endpoints(discovery, client_of, retry_share=retry_share, hedge_percentile=hedge_percentile)

    async def catalog(self, timeout_s: float) -> Catalog:
        """Look up the Tritons and read from their API what they serve.

        A version is ready if a Triton has it ready, and calls go there. For a Triton that does not
        answer, the last catalog that was read from it counts; while its circuit breaker is open,
        the versions in that catalog are not ready there.

        Raises:
            NotReady: no Triton answers.
            BackendBroken: a configuration cannot be read.
        """
        results = await self._endpoints.refresh(lambda client: client.catalog(timeout_s, self._key))
        faults = {address: result for address, result in results.items() if isinstance(result, GatewayError)}
        if len(faults) == len(results):
            raise next(iter(faults.values()), NotReady("no model server is known; try again later"))
        self._report(faults)
        last_catalogs = {address: catalog for address, catalog in self._last_catalogs.items() if address in faults}
        last_catalogs |= {address: result for address, result in results.items() if isinstance(result, Catalog)}
        self._last_catalogs = last_catalogs
        open_ = self._endpoints.open
        catalogs = {address: unready(last) if address in open_ else last for address, last in last_catalogs.items()}
        catalog = merged(catalogs)
        self._endpoints.serve(routes(catalog, catalogs))
        self._catalog = catalog
        return catalog

    async def infer(self, manifest: Manifest, items: Sequence[Item], timeout_s: float, priority: Priority) -> list[bytes | Exception]:
        """The rows of items (`gateway.request.row`); an `ItemFault` where an item alone failed.

        Raises:
            PackageReplaced: the version is another package by now; the catalog is to be read again.
            NotReady: Triton is gone, or the version is not ready.
            DeadlineExceeded: no answer within `timeout_s` seconds.
            Overloaded: Triton's queue is full.
            BackendBroken: any other error, or tensors that are not as the contract says.
        """
        metrics.TRITON_CALL_ITEMS.labels(manifest.model, manifest.version).observe(len(items))

        async def send(client: EndpointClient, left_s: float) -> list[bytes | Exception]:
            return await client.infer(manifest, items, left_s, priority)

        what = manifest.model, manifest.version, manifest.digest
        try:
            return await self._endpoints.call(what, len(items), timeout_s, send)
        except NotReady as exc:
            # or no endpoint serves this package any more, but there is another one for the version
            if not isinstance(exc, PackageReplaced) and not self._has_other(manifest):
                raise
            metrics.REPLACED.labels(manifest.model, manifest.version).inc()
            raise replaced(manifest) from exc

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoints.aclose()

    def _has_other(self, manifest: Manifest) -> bool:
        model = self._catalog.models.get(manifest.model)
        version = None if model is None else model.versions.get(manifest.version)
        return version is not None and version.manifest.digest != manifest.digest

    def _report(self, faults: Mapping[str, GatewayError]) -> None:
        if faults.keys() != self._faulty:
            for address, fault in faults.items():
                log.warning("endpoint does not tell what it serves", address=address, reason=repr(fault.__cause__ or fault))
        self._faulty = faults.keys()
