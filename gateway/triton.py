"""Triton over gRPC. The only module that knows `tritonclient`; its errors become ours here.

The requests are built from the protobuf messages themselves: texts go in and rows come out as bytes, without numpy between.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from gateway import metrics
from gateway.bytes_tensor import LENGTH_BYTES, packed, unpacked
from gateway.catalog import Catalog, IndexEntry, build
from gateway.errors import BackendBroken, DeadlineExceeded, GatewayError, ItemFault, NotReady, Overloaded
from gateway.prediction import Item
from gateway.row import FLOAT_BYTES, TOKENS_BYTES, width_of
from model_repository import tensors
from model_repository.manifest import Manifest, ManifestError
from model_repository.serving import ServingError
from model_repository.signature import PublicKey

_COLUMNS: Mapping[str, Callable[[Item], bytes]] = {
    tensors.TEXT: lambda item: item.text,
    tensors.TEXT_PAIR: lambda item: item.text_pair or b"",
    tensors.PARAMETERS: lambda item: item.parameters,
}
_QUEUE_FULL, _QUEUE_EXPIRED = "Exceeds maximum queue size", "Request timeout expired"
_CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.lb_policy_name", "round_robin"),  # a name with several addresses is several Tritons
]


class Triton:
    """A client of one Triton; `url` is host:port without a scheme. With a key, only manifests that its owner signed are trusted."""

    def __init__(self, url: str, key: PublicKey | None = None) -> None:
        self._key = key
        self._channel = grpc.aio.insecure_channel(url, options=_CHANNEL_OPTIONS)
        self._stub = GRPCInferenceServiceStub(self._channel)

    async def catalog(self, timeout_s: float) -> Catalog:
        """Read from Triton's API what it serves.

        Raises:
            NotReady: Triton does not answer.
            BackendBroken: a configuration cannot be read.
        """
        try:
            index = await self._stub.RepositoryIndex(pb.RepositoryIndexRequest(), timeout=timeout_s)
            entries = [IndexEntry(entry.name, entry.version, entry.state, entry.reason) for entry in index.models]
            ready = sorted({entry.name for entry in entries if entry.state == "READY"})
            configs = {name: await self._config(name, timeout_s) for name in ready}
            return build(entries, configs, self._key)
        except grpc.aio.AioRpcError as exc:
            raise NotReady("the model server does not answer; try again later") from exc
        except ManifestError as exc:
            raise BackendBroken("the model server has a model whose manifest cannot be read") from exc
        except ServingError as exc:
            raise BackendBroken("the model server has a model whose default version or versions out of service cannot be read") from exc

    async def infer(self, manifest: Manifest, items: Sequence[Item], timeout_s: float) -> list[bytes | Exception]:
        """The row of each item (`gateway.row`); an `ItemFault` where that item alone failed.

        Raises:
            NotReady: Triton is gone, or the version is not ready.
            DeadlineExceeded: no answer within `timeout_s` seconds.
            Overloaded: Triton's queue is full.
            BackendBroken: any other error, or tensors that are not as the contract says.
        """
        named = tensors.tensors_of(manifest)
        request = pb.ModelInferRequest(model_name=manifest.model, model_version=str(manifest.version))
        # optional inputs are sent always: Triton joins only requests that have the same ones
        for name in (*named.inputs, *named.optional_inputs):
            request.inputs.add(name=name, datatype="BYTES", shape=[len(items), 1])
            request.raw_input_contents.append(packed(_COLUMNS[name](item) for item in items))
        for name in (named.output, tensors.TOKENS, tensors.ERROR):
            request.outputs.add(name=name)
        metrics.TRITON_CALL_ITEMS.labels(manifest.model, manifest.version).observe(len(items))
        code = "OK"
        try:
            response = await self._stub.ModelInfer(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as exc:
            code = exc.code().name
            raise _translate(exc) from exc
        finally:
            metrics.TRITON_CALLS.labels(manifest.model, manifest.version, code).inc()
        return _rows(response, len(items), named.output, width_of(manifest))

    async def aclose(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def _config(self, name: str, timeout_s: float) -> Any:
        return (await self._stub.ModelConfig(pb.ModelConfigRequest(name=name), timeout=timeout_s)).config


def _translate(exc: grpc.aio.AioRpcError) -> GatewayError:
    # Triton's queue refuses with the code of a server that is not there; its words are the only difference
    details = exc.details() or ""
    if exc.code() is grpc.StatusCode.UNAVAILABLE and details.endswith(_QUEUE_FULL):
        return Overloaded("the model server's queue is full; try again later")
    if exc.code() is grpc.StatusCode.UNAVAILABLE and details.endswith(_QUEUE_EXPIRED):
        return DeadlineExceeded("the model was too busy to begin in time; try again later or allow more with X-Request-Timeout-Ms")
    match exc.code():
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.NOT_FOUND | grpc.StatusCode.CANCELLED:
            return NotReady("the model server does not answer for this version now; try again later")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineExceeded("the model did not answer in time; allow more with X-Request-Timeout-Ms or send fewer instances")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Overloaded("the model server's queue is full; try again later")
        case _:
            return BackendBroken("the model server failed on this request")


def _rows(response: Any, items: int, output: str, width: int | None) -> list[bytes | Exception]:
    contents = {tensor.name: raw for tensor, raw in zip(response.outputs, response.raw_output_contents, strict=False)}
    values = _values(contents.get(output, b""), items, output, width)
    tokens, errors = contents.get(tensors.TOKENS, b""), contents.get(tensors.ERROR, b"")
    if len(tokens) != items * TOKENS_BYTES:
        raise BackendBroken(f"the model server answered {len(tokens)} bytes of token counts, expected {items} × {TOKENS_BYTES}")
    rows: list[bytes | Exception] = [value + tokens[i * TOKENS_BYTES : (i + 1) * TOKENS_BYTES] for i, value in enumerate(values)]
    if len(errors) == items * LENGTH_BYTES:  # every message is empty
        return rows
    for i, message in enumerate(_texts(errors, items, tensors.ERROR)):
        if message:
            rows[i] = ItemFault(message.decode(errors="replace"), values[i] + tokens[i * TOKENS_BYTES : (i + 1) * TOKENS_BYTES])
    return rows


def _values(raw: bytes, items: int, output: str, width: int | None) -> list[bytes]:
    if width is None:
        return _texts(raw, items, output)
    row_bytes = width * FLOAT_BYTES
    if len(raw) != items * row_bytes:
        raise BackendBroken(f"the model server answered {len(raw)} bytes of {output}, expected {items} × {width} × {FLOAT_BYTES}")
    return [raw[i * row_bytes : (i + 1) * row_bytes] for i in range(items)]


def _texts(raw: bytes, items: int, output: str) -> list[bytes]:
    try:
        values = unpacked(raw)
    except ValueError as exc:
        raise BackendBroken(f"the model server answered bytes of {output} that cannot be read") from exc
    if len(values) != items:
        raise BackendBroken(f"the model server answered {len(values)} of {output}, expected {items}")
    return values
