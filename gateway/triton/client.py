"""Triton over HTTP, by the Open Inference Protocol: its catalog, and inference.

Triton's errors become errors of ours here.

Why not gRPC: an inference through gRPC's asyncio client costs the gateway 330 µs of CPU, through
`http1` 70 µs, and a lone request is answered half a millisecond sooner (two cores, one short text
at a time).
"""

import ssl
from collections.abc import Mapping, Sequence, Set
from functools import partial

import orjson
import structlog
from google.protobuf import json_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from gateway.catalog.catalog import Catalog, IndexEntry, build
from gateway.catalog.merge import merged, routes, unready
from gateway.errors import BackendBroken, DeadlineExceeded, GatewayError, NotReady, Overloaded, Unreachable
from gateway.observability import metrics
from gateway.observability.tracing import TraceCall, untraced
from gateway.request.prediction import Item
from gateway.request.priority import Priority
from gateway.triton.access import TritonAccess
from gateway.triton.binary_tensors import JSON_LENGTH, read_rows, write_request
from gateway.triton.endpoints.discovery import Discovery
from gateway.triton.endpoints.pool import Endpoints
from gateway.triton.http1 import Broken, Client, Response, Unsent
from model_repository.manifest import Manifest, ManifestError
from model_repository.serving import ServingError
from model_repository.signature import PublicKey

log = structlog.get_logger()
_QUEUE_FULL, _QUEUE_EXPIRED, _UNKNOWN = b"Exceeds maximum queue size", b"Request timeout expired", b"Request for unknown model"


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
        access = access or TritonAccess()
        tls, headers = access.context(), access.header_lines()

        def client_of(address: str) -> _EndpointClient:
            return _EndpointClient(address, name=discovery.name_of(address), tls=tls, headers=headers, trace=trace)

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
        results = await self._endpoints.refresh(partial(_read, timeout_s=timeout_s, key=self._key))
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
        return catalog

    async def infer(self, manifest: Manifest, items: Sequence[Item], timeout_s: float, priority: Priority) -> list[bytes | Exception]:
        """The rows of items (`gateway.request.row`); an `ItemFault` where an item alone failed.

        Raises:
            NotReady: Triton is gone, or the version is not ready.
            DeadlineExceeded: no answer within `timeout_s` seconds.
            Overloaded: Triton's queue is full.
            BackendBroken: any other error, or tensors that are not as the contract says.
        """
        metrics.TRITON_CALL_ITEMS.labels(manifest.model, manifest.version).observe(len(items))

        async def send(client: _EndpointClient, left_s: float) -> list[bytes | Exception]:
            return await client.infer(manifest, items, left_s, priority)

        return await self._endpoints.call((manifest.model, manifest.version), len(items), timeout_s, send)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoints.aclose()

    def _report(self, faults: Mapping[str, GatewayError]) -> None:
        if faults.keys() != self._faulty:
            for address, fault in faults.items():
                log.warning("endpoint does not tell what it serves", address=address, reason=repr(fault.__cause__ or fault))
        self._faulty = faults.keys()


class _EndpointClient:
    """A client of the Triton at one address, host:port, whose server is called `name`."""

    def __init__(self, address: str, *, name: str, tls: ssl.SSLContext | None, headers: str, trace: TraceCall) -> None:
        host, _, port = address.rpartition(":")
        self._address = address
        self._client = Client(host.strip("[]"), int(port), tls, name=name)
        self._headers, self._trace = headers, trace

    async def infer(self, manifest: Manifest, items: Sequence[Item], timeout_s: float, priority: Priority) -> list[bytes | Exception]:
        # Triton drops what it has not begun after this time: nobody waits for it any more
        json_length, body = write_request(manifest, items, {"timeout": int(timeout_s * 1e6), "priority": priority})
        path = f"/v2/models/{manifest.model}/versions/{manifest.version}/infer"
        length = f"{JSON_LENGTH}: {json_length}\r\n"
        code = "unreachable"
        with self._trace("ModelInfer", self._address, manifest.model, manifest.version, len(items)) as trace_lines:
            try:
                response = await self._client.request("POST", path, body, timeout_s, f"{self._headers}{trace_lines}{length}")
                code = str(response.status)
            except TimeoutError as exc:
                code = "timeout"
                raise DeadlineExceeded(
                    "the model did not answer in time; allow more with X-Request-Timeout-Ms or send fewer instances"
                ) from exc
            except (Unsent, Broken) as exc:
                raise Unreachable("the model server does not answer now; try again later") from exc
            finally:
                metrics.TRITON_CALLS.labels(manifest.model, manifest.version, code).inc()
            if response.status != 200:
                raise fault_of(response)
        return read_rows(manifest, len(items), int(response.headers.get(JSON_LENGTH.lower().encode(), 0)), response.body)

    async def body(self, method: str, path: str, timeout_s: float) -> bytes:
        try:
            response = await self._client.request(method, path, b"", timeout_s, self._headers)
        except (TimeoutError, Unsent, Broken) as exc:
            raise Unreachable("the model server does not answer; try again later") from exc
        if response.status != 200:
            raise fault_of(response)
        return response.body

    async def aclose(self) -> None:
        self._client.close()


async def _read(client: _EndpointClient, *, timeout_s: float, key: PublicKey | None) -> Catalog:
    try:
        index = orjson.loads(await client.body("POST", "/v2/repository/index", timeout_s))
        entries = [IndexEntry(e["name"], e.get("version", ""), e.get("state", ""), e.get("reason", "")) for e in index]
        ready = sorted({entry.name for entry in entries if entry.state == "READY"})
        texts = {name: await client.body("GET", f"/v2/models/{name}/config", timeout_s) for name in ready}
        # a newer Triton may have fields that this client does not know yet
        configs = {name: json_format.Parse(text, ModelConfig(), ignore_unknown_fields=True) for name, text in texts.items()}
        return build(entries, configs, key)
    except (orjson.JSONDecodeError, json_format.ParseError, KeyError, TypeError) as exc:
        raise BackendBroken("the model server tells in another form than Triton's what it serves") from exc
    except ManifestError as exc:
        raise BackendBroken("the model server has a model whose manifest cannot be read") from exc
    except ServingError as exc:
        raise BackendBroken("the model server has a model whose default version or versions out of service cannot be read") from exc


def fault_of(response: Response) -> GatewayError:
    """Our error for an error response of Triton.

    A full queue and a server that is not ready have the same status; Triton's words distinguish
    them.
    """
    reason = response.body
    if _QUEUE_FULL in reason or response.status == 429:
        return Overloaded("the model server's queue is full; try again later")
    if _QUEUE_EXPIRED in reason:
        return DeadlineExceeded("the model was too busy to begin in time; try again later or allow more with X-Request-Timeout-Ms")
    if _UNKNOWN in reason or response.status == 404:
        return NotReady("the model server does not answer for this version now; try again later")
    if response.status == 503:
        return Unreachable("the model server does not answer now; try again later")
    return BackendBroken("the model server failed on this request")
