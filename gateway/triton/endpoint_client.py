"""The client of one Triton: what it serves, and rows by a package that has proven itself.

Triton's errors become errors of ours here.

A version's package may be replaced at any moment, so every answer is held against the package that
was asked. The headrace backend says in DIGEST which package computed a row. A version of another
backend is asked for its package before and after the call.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Mapping, Sequence, Set

import orjson
from google.protobuf import json_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from gateway.catalog.catalog import Catalog, IndexEntry, build
from gateway.errors import BackendBroken, DeadlineExceeded, GatewayError, NotReady, Overloaded, Unreachable
from gateway.observability import metrics
from gateway.observability.tracing import TraceCall
from gateway.request.prediction import Item
from gateway.request.priority import Priority
from gateway.triton.binary_tensors import JSON_LENGTH, read_rows, replaced, write_request
from gateway.triton.http1 import Broken, Client, Response, Unsent
from model_repository.config import MANIFEST_PARAMETER
from model_repository.manifest import Manifest, ManifestError
from model_repository.serving import ServingError
from model_repository.signature import PublicKey
from model_repository.tensors import DIGEST

LEAST_TIMEOUT_S = 0.001
_NO_DIGEST = f"unexpected inference output '{DIGEST}'".encode()
_QUEUE_FULL, _QUEUE_EXPIRED, _UNKNOWN = b"Exceeds maximum queue size", b"Request timeout expired", b"Request for unknown model"
_LATE = "the model did not answer in time; allow more with X-Request-Timeout-Ms or send fewer instances"


class EndpointClient:
    """A client of the Triton at one address, host:port, whose server is called `name`."""

    def __init__(self, address: str, *, name: str, tls: ssl.SSLContext | None, headers: str, trace: TraceCall) -> None:
        host, _, port = address.rpartition(":")
        self._address = address
        self._client = Client(host.strip("[]"), int(port), tls, name=name)
        self._headers, self._trace = headers, trace
        self._proven: Set[str] = set()
        """The models whose answers say which package computed them."""

    def infer(self, manifest: Manifest, items: Sequence[Item], timeout_s: float, priority: Priority) -> Awaitable[list[bytes | Exception]]:
        """The rows of items, computed by this very package; raises as `Triton.infer`."""
        if manifest.model in self._proven:
            return self._infer(manifest, items, timeout_s, priority, proven=True)
        return self._infer_unproven(manifest, items, timeout_s, priority)

    async def _infer_unproven(
        self, manifest: Manifest, items: Sequence[Item], timeout_s: float, priority: Priority
    ) -> list[bytes | Exception]:
        """As `infer`, where answers do not say which package computed them.

        The version is asked for its package before the call and after it: a call that began before
        a reload may end long after it.
        """
        now = asyncio.get_running_loop().time
        deadline_s = now() + timeout_s
        await self._require_package(manifest, timeout_s)
        try:
            rows = await self._infer(manifest, items, max(deadline_s - now(), LEAST_TIMEOUT_S), priority, proven=False)
        except BackendBroken:
            # rows of another package may have another shape
            await self._require_package(manifest, max(deadline_s - now(), LEAST_TIMEOUT_S))
            raise
        await self._require_package(manifest, max(deadline_s - now(), LEAST_TIMEOUT_S))
        return rows

    async def catalog(self, timeout_s: float, key: PublicKey | None) -> Catalog:
        """What this Triton serves; raises as `Triton.catalog`."""
        try:
            index, configs = await self._read(timeout_s)
        except TimeoutError as exc:
            raise Unreachable("the model server does not answer; try again later") from exc
        self._proven = {name for name, config in configs.items() if any(output.name == DIGEST for output in config.output)}
        return _built(index, configs, key)

    async def _infer(
        self, manifest: Manifest, items: Sequence[Item], timeout_s: float, priority: Priority, *, proven: bool
    ) -> list[bytes | Exception]:
        # Triton drops what it has not begun after this time: nobody waits for it any more
        json_length, body = write_request(manifest, items, {"timeout": int(timeout_s * 1e6), "priority": priority}, digest=proven)
        path = f"/v2/models/{manifest.model}/versions/{manifest.version}/infer"
        length = f"{JSON_LENGTH}: {json_length}\r\n"
        code = "unreachable"
        with self._trace("ModelInfer", self._address, manifest.model, manifest.version, len(items)) as trace_lines:
            try:
                response = await self._client.request("POST", path, body, timeout_s, f"{self._headers}{trace_lines}{length}")
                code = str(response.status)
            except TimeoutError as exc:
                code = "timeout"
                raise DeadlineExceeded(_LATE) from exc
            except (Unsent, Broken) as exc:
                raise Unreachable("the model server does not answer now; try again later") from exc
            finally:
                metrics.TRITON_CALLS.labels(manifest.model, manifest.version, code).inc()
            if response.status != 200:
                if _NO_DIGEST in response.body:
                    raise replaced(manifest)  # by a package that does not say so itself
                raise fault_of(response)
        json_bytes = int(response.headers.get(JSON_LENGTH.lower().encode(), 0))
        return read_rows(manifest, len(items), json_bytes, response.body, digest=proven)

    async def _require_package(self, manifest: Manifest, timeout_s: float) -> None:
        """Ask Triton which package the version is now.

        Raises:
            PackageReplaced: it is another one.
            GatewayError: Triton does not tell.
        """
        try:
            config = await self._body("GET", f"/v2/models/{manifest.model}/config", timeout_s)
        except TimeoutError as exc:
            raise DeadlineExceeded(_LATE) from exc
        try:
            told = orjson.loads(orjson.loads(config)["parameters"][f"{MANIFEST_PARAMETER}{manifest.version}"]["string_value"])["digest"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            told = None
        if told != manifest.digest:
            raise replaced(manifest)

    async def _read(self, timeout_s: float) -> tuple[list[IndexEntry], Mapping[str, ModelConfig]]:
        try:
            index = orjson.loads(await self._body("POST", "/v2/repository/index", timeout_s))
            entries = [IndexEntry(e["name"], e.get("version", ""), e.get("state", ""), e.get("reason", "")) for e in index]
            ready = sorted({entry.name for entry in entries if entry.state == "READY"})
            texts = {name: await self._body("GET", f"/v2/models/{name}/config", timeout_s) for name in ready}
            # a newer Triton may have fields that this client does not know yet
            return entries, {name: json_format.Parse(text, ModelConfig(), ignore_unknown_fields=True) for name, text in texts.items()}
        except (orjson.JSONDecodeError, json_format.ParseError, KeyError, TypeError) as exc:
            raise BackendBroken("the model server tells in another form than Triton's what it serves") from exc

    async def _body(self, method: str, path: str, timeout_s: float) -> bytes:
        try:
            response = await self._client.request(method, path, b"", timeout_s, self._headers)
        except (Unsent, Broken) as exc:
            raise Unreachable("the model server does not answer; try again later") from exc
        if response.status != 200:
            raise fault_of(response)
        return response.body

    async def aclose(self) -> None:
        """Close the connections."""
        self._client.close()


def _built(index: Sequence[IndexEntry], configs: Mapping[str, ModelConfig], key: PublicKey | None) -> Catalog:
    try:
        return build(index, configs, key)
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
