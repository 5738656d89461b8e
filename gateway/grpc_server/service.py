"""`GRPCInferenceService`: each method as the REST route of the same name."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from fastapi import FastAPI, Request
from starlette.types import ASGIApp
from tritonclient.grpc import service_pb2 as pb

from gateway.calls.call import Call
from gateway.calls.inference import infer
from gateway.concurrency.ordered import Ordered
from gateway.dialects.open_inference import metadata, unsupported
from gateway.errors import GatewayError, NotFound, Unsupported
from gateway.grpc_server import messages
from gateway.grpc_server.rpc import Rpcs, code_of
from gateway.stack import Stack

SERVICE = "inference.GRPCInferenceService"
STREAM_WINDOW = 64
"""Requests of one stream that are answered at once."""
_UNSUPPORTED = {
    **{
        f"{kind}SharedMemory{verb}": unsupported.SHARED_MEMORY
        for kind in ("System", "Cuda")
        for verb in ("Status", "Register", "Unregister")
    },
    "RepositoryModelLoad": unsupported.MODEL_CONTROL,
    "RepositoryModelUnload": unsupported.MODEL_CONTROL,
    "ModelStatistics": unsupported.STATISTICS,
    "TraceSetting": unsupported.TRACES,
    "LogSettings": unsupported.LOG,
}


class InferenceService:
    """The methods, as `grpc.aio` calls them; those that are not spoken here say so."""

    def __init__(self, app: FastAPI, observed: Callable[[ASGIApp], ASGIApp]) -> None:
        self._rpcs = Rpcs(app, SERVICE, observed)

    def __getattr__(self, name: str) -> Callable[[Any, Any], Awaitable[Any]]:
        """A method that is not spoken here."""
        if name not in _UNSUPPORTED:
            raise AttributeError(name)

        async def refuse(request: Any, context: Any) -> Any:
            async def ask(_: Request) -> Any:
                raise Unsupported(_UNSUPPORTED[name])

            return await self._answer(name, context, ask)

        return refuse

    async def ServerLive(self, request: Any, context: Any) -> Any:
        """Alive as soon as it answers."""

        async def ask(_: Request) -> Any:
            return pb.ServerLiveResponse(live=True)

        return await self._answer("ServerLive", context, ask)

    async def ServerReady(self, request: Any, context: Any) -> Any:
        """Ready once a catalog was read and until it leaves."""

        async def ask(http: Request) -> Any:
            return pb.ServerReadyResponse(ready=_stack(http.app).ready)

        return await self._answer("ServerReady", context, ask)

    async def ServerMetadata(self, request: Any, context: Any) -> Any:
        """The server's name, version and extensions."""

        async def ask(_: Request) -> Any:
            return pb.ServerMetadataResponse(**metadata.server())

        return await self._answer("ServerMetadata", context, ask)

    async def ModelReady(self, request: Any, context: Any) -> Any:
        """Whether a model or a version answers; one that is not known does not."""

        async def ask(http: Request) -> Any:
            catalog = (await Call.enter(http)).stack.catalog.current
            try:
                ready = metadata.is_ready(catalog.model(request.name), messages.version_of(request.version))
            except NotFound:
                ready = False
            return pb.ModelReadyResponse(ready=ready)

        return await self._answer("ModelReady", context, ask)

    async def ModelMetadata(self, request: Any, context: Any) -> Any:
        """A model's tensors and the versions that are ready."""

        async def ask(http: Request) -> Any:
            served = (await Call.enter(http)).stack.catalog.current.model(request.name)
            return pb.ModelMetadataResponse(**metadata.model(served, messages.version_of(request.version)))

        return await self._answer("ModelMetadata", context, ask)

    async def ModelConfig(self, request: Any, context: Any) -> Any:
        """A model's Triton configuration."""

        async def ask(http: Request) -> Any:
            served = (await Call.enter(http)).stack.catalog.current.model(request.name)
            metadata.require_version(served, messages.version_of(request.version))
            return pb.ModelConfigResponse(config=served.config)

        return await self._answer("ModelConfig", context, ask)

    async def RepositoryIndex(self, request: Any, context: Any) -> Any:
        """Every version of every model and its state."""

        async def ask(http: Request) -> Any:
            return pb.RepositoryIndexResponse(models=metadata.index((await Call.enter(http)).stack.catalog.current, request.ready))

        return await self._answer("RepositoryIndex", context, ask)

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        """Answer a batch of items."""
        return await self._answer("ModelInfer", context, _inference(request, context))

    async def ModelStreamInfer(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """Answer each request of a stream, in their order; one that fails has its error, and the stream goes on."""

        async def answer(request: Any) -> Any:
            rpc = await self._rpcs.run("ModelStreamInfer", context, _inference(request, context))
            if rpc.fault is None:
                return messages.last_of_stream(rpc.answer)
            return pb.ModelStreamInferResponse(error_message=rpc.fault.message, infer_response=pb.ModelInferResponse(id=request.id))

        max_bytes = _stack(self._rpcs.app).limits.body.max_bytes
        answers = Ordered(requests, answer, lambda request: int(request.ByteSize()), max_pieces=STREAM_WINDOW, max_bytes=max_bytes)
        async with aclosing(answers.results()) as together:
            async for responses in together:
                for response in responses:
                    yield response

    async def _answer(self, method: str, context: Any, ask: Callable[[Request], Awaitable[Any]]) -> Any:
        rpc = await self._rpcs.run(method, context, ask)
        await context.send_initial_metadata(rpc.metadata)
        if rpc.fault is not None:
            await context.abort(code_of(rpc.fault), rpc.fault.message, _trailing(rpc.fault))
        return rpc.answer


def _inference(request: Any, context: Any) -> Callable[[Request], Awaitable[Any]]:
    async def ask(http: Request) -> Any:
        call = (await Call.enter(http)).within(context.time_remaining())
        asked = messages.parse(request)
        answered = await infer(call, request.model_name, messages.version_of(request.model_version), asked)
        return messages.render(asked, answered.prediction, answered.outputs)

    return ask


def _stack(app: Any) -> Stack:
    stack: Stack = app.state.stack
    return stack


def _trailing(fault: GatewayError) -> tuple[tuple[str, str], ...]:
    return () if fault.retry_after_s is None else (("retry-after", str(fault.retry_after_s)),)
