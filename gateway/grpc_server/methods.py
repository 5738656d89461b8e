"""What the methods of `GRPCInferenceService` answer: each as the REST route of the same name."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from starlette.requests import Request
from tritonclient.grpc import service_pb2 as pb

from gateway.calls.call import Call
from gateway.calls.inference import infer
from gateway.catalog.catalog import Catalog
from gateway.dialects.open_inference import metadata, unsupported
from gateway.errors import NotFound, Unsupported
from gateway.grpc_server import messages
from gateway.stack import stack_of

Method = Callable[[Request, Any, Any], Awaitable[Any]]
"""The response message to an RPC, from the RPC as an HTTP request, its message and its context."""


async def server_live(http: Request, message: Any, context: Any) -> Any:
    """Alive as soon as it answers."""
    return pb.ServerLiveResponse(live=True)


async def server_ready(http: Request, message: Any, context: Any) -> Any:
    """Ready once a catalog was read and until it leaves."""
    return pb.ServerReadyResponse(ready=stack_of(http.app).ready)


async def server_metadata(http: Request, message: Any, context: Any) -> Any:
    """The server's name, version and extensions."""
    return pb.ServerMetadataResponse(**metadata.server())


async def model_ready(http: Request, message: Any, context: Any) -> Any:
    """Whether a model or a version answers; one that is not known does not."""
    catalog = await _catalog(http)
    try:
        ready = metadata.is_ready(catalog.model(message.name), messages.version_of(message.version))
    except NotFound:
        ready = False
    return pb.ModelReadyResponse(ready=ready)


async def model_metadata(http: Request, message: Any, context: Any) -> Any:
    """A model's tensors and the versions that are ready."""
    served = (await _catalog(http)).model(message.name)
    return pb.ModelMetadataResponse(**metadata.model(served, messages.version_of(message.version)))


async def model_config(http: Request, message: Any, context: Any) -> Any:
    """A model's Triton configuration."""
    served = (await _catalog(http)).model(message.name)
    metadata.require_version(served, messages.version_of(message.version))
    return pb.ModelConfigResponse(config=served.config)


async def repository_index(http: Request, message: Any, context: Any) -> Any:
    """Every version of every model and its state."""
    return pb.RepositoryIndexResponse(models=metadata.index(await _catalog(http), message.ready))


async def model_infer(http: Request, message: Any, context: Any) -> Any:
    """The predictions for a batch of items."""
    call = await Call.enter(http)
    left_s = context.time_remaining()
    if left_s is not None:
        call = call.until(asyncio.get_running_loop().time() + left_s)
    request = messages.parse(message)
    inference = await infer(call, message.model_name, messages.version_of(message.model_version), request)
    return messages.render(request, inference.prediction, inference.outputs)


def refusal(reason: str) -> Method:
    """A method that is not spoken here."""

    async def refuse(http: Request, message: Any, context: Any) -> NoReturn:
        raise Unsupported(reason)

    return refuse


METHODS: Mapping[str, Method] = {
    "ServerLive": server_live,
    "ServerReady": server_ready,
    "ServerMetadata": server_metadata,
    "ModelReady": model_ready,
    "ModelMetadata": model_metadata,
    "ModelConfig": model_config,
    "RepositoryIndex": repository_index,
    "ModelInfer": model_infer,
    "RepositoryModelLoad": refusal(unsupported.MODEL_CONTROL),
    "RepositoryModelUnload": refusal(unsupported.MODEL_CONTROL),
    "ModelStatistics": refusal(unsupported.STATISTICS),
    "TraceSetting": refusal(unsupported.TRACES),
    "LogSettings": refusal(unsupported.LOG),
    "SystemSharedMemoryStatus": refusal(unsupported.SHARED_MEMORY),
    "SystemSharedMemoryRegister": refusal(unsupported.SHARED_MEMORY),
    "SystemSharedMemoryUnregister": refusal(unsupported.SHARED_MEMORY),
    "CudaSharedMemoryStatus": refusal(unsupported.SHARED_MEMORY),
    "CudaSharedMemoryRegister": refusal(unsupported.SHARED_MEMORY),
    "CudaSharedMemoryUnregister": refusal(unsupported.SHARED_MEMORY),
}
"""By the names of the protocol; `ModelStreamInfer` alone is a stream and has no row."""


OPEN_TO_ALL = frozenset({"ServerLive", "ServerReady", "ServerMetadata"})
"""The methods that ask for no key; they read no message."""


async def _catalog(http: Request) -> Catalog:
    return (await Call.enter(http)).stack.catalog.current
