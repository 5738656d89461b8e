"""Triton over gRPC. The only module that knows `tritonclient`; its errors become ours here.

The requests are built from the protobuf messages themselves: texts go in and score rows come out as bytes, without numpy between.
"""

import struct
from collections.abc import Sequence
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from gateway import metrics, tracing
from gateway.catalog import Catalog, IndexEntry, build
from gateway.errors import BackendBroken, DeadlineExceeded, GatewayError, InvalidRequest, NotReady, Overloaded
from model_repository import tensors
from model_repository.manifest import ManifestError
from model_repository.serving import ServingError
from model_repository.signature import PublicKey

_LENGTH = struct.Struct("<I")
_FLOAT_BYTES = 4
_TOKENS_BYTES = 4
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

    async def infer(self, model: str, version: int, texts: Sequence[bytes], labels: int, timeout_s: float) -> list[bytes | Exception]:
        """The row of each text: scores (float32 × `labels`) and tokens (int32) as bytes; an `InvalidRequest` where that text alone failed.

        Raises:
            NotReady: Triton is gone, or the version is not ready.
            DeadlineExceeded: no answer within `timeout_s` seconds.
            Overloaded: Triton's queue is full.
            BackendBroken: any other error, or tensors that are not as the contract says.
        """
        request = pb.ModelInferRequest(model_name=model, model_version=str(version))
        request.inputs.add(name=tensors.TEXT, datatype="BYTES", shape=[len(texts), 1])
        request.outputs.add(name=tensors.SCORES)
        request.outputs.add(name=tensors.TOKENS)
        request.outputs.add(name=tensors.ERROR)
        request.raw_input_contents.append(b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text)))
        metrics.TRITON_CALL_ITEMS.labels(model, version).observe(len(texts))
        code = "OK"
        try:
            with tracing.call("ModelInfer", model, version, len(texts)) as metadata:
                response = await self._stub.ModelInfer(request, timeout=timeout_s, metadata=metadata)
        except grpc.aio.AioRpcError as exc:
            code = exc.code().name
            raise _translate(exc) from exc
        finally:
            metrics.TRITON_CALLS.labels(model, version, code).inc()
        return _rows(response, len(texts), labels)

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


def _rows(response: Any, texts: int, labels: int) -> list[bytes | Exception]:
    contents = {output.name: raw for output, raw in zip(response.outputs, response.raw_output_contents, strict=False)}
    scores, tokens, errors = (contents.get(name, b"") for name in (tensors.SCORES, tensors.TOKENS, tensors.ERROR))
    width = labels * _FLOAT_BYTES
    if len(scores) != texts * width or len(tokens) != texts * _TOKENS_BYTES:
        raise BackendBroken(
            f"the model server answered {len(scores)} bytes of scores and {len(tokens)} of token counts, "
            f"expected {texts} × {labels} × {_FLOAT_BYTES} and {texts} × {_TOKENS_BYTES}"
        )
    rows: list[bytes | Exception] = [
        scores[i * width : (i + 1) * width] + tokens[i * _TOKENS_BYTES : (i + 1) * _TOKENS_BYTES] for i in range(texts)
    ]
    if len(errors) == texts * _LENGTH.size:  # every message is empty
        return rows
    at = 0
    for i in range(texts):
        (length,) = _LENGTH.unpack_from(errors, at)
        at += _LENGTH.size
        if length:
            rows[i] = InvalidRequest(errors[at : at + length].decode(errors="replace"))
        at += length
    return rows
