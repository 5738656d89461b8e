"""`GRPCInferenceService` as `grpc.aio` calls it: runs the methods, and streams of inferences."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, NoReturn

from starlette.applications import Starlette
from tritonclient.grpc import service_pb2 as pb

from gateway.concurrency.ordered import Ordered
from gateway.errors import GatewayError
from gateway.grpc_server import messages
from gateway.grpc_server.early_answer import Answer, EarlyAnswer
from gateway.grpc_server.methods import METHODS, OPEN_TO_ALL, Method, model_infer
from gateway.grpc_server.rpc import Observed, Rpc, Rpcs, code_of
from gateway.request.principal import PREDICT
from gateway.stack import stack_of

SERVICE = "inference.GRPCInferenceService"
STREAM_WINDOW = 64
"""So many requests of one stream are answered at once."""


class InferenceService:
    """The methods of `METHODS` and `ModelStreamInfer`, as attributes of their names."""

    def __init__(self, app: Starlette, observed: Observed) -> None:
        self._app = app
        self._rpcs = Rpcs(app, SERVICE, observed)

    def __getattr__(self, name: str) -> Callable[[Any, Any], Awaitable[Any]]:
        """A method of the table."""
        if name not in METHODS:
            raise AttributeError(name)
        return partial(self._respond, name, METHODS[name])

    async def ModelStreamInfer(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """Answer the requests of a stream in their order.

        A request that fails gets its error, and the stream goes on.
        """

        async def respond(message: Any) -> Any:
            rpc = await self._run("ModelStreamInfer", model_infer, message, context)
            if rpc.fault is None:
                return messages.last_of_stream(rpc.response)
            return pb.ModelStreamInferResponse(error_message=rpc.fault.message, infer_response=pb.ModelInferResponse(id=message.id))

        max_bytes = stack_of(self._app).request_limits.body.max_bytes
        ordered = Ordered(requests, respond, lambda message: int(message.ByteSize()), max_pieces=STREAM_WINDOW, max_bytes=max_bytes)
        async with aclosing(ordered.results()) as together:
            async for responses in together:
                for response in responses:
                    yield response

    def early_answer(self) -> EarlyAnswer:
        """The interceptor that answers what can be answered before a message has come."""
        unread: dict[str, Answer] = {_path(name): partial(self._respond, name, METHODS[name], None) for name in OPEN_TO_ALL}
        guarded = frozenset(map(_path, METHODS.keys() - OPEN_TO_ALL | {"ModelStreamInfer"}))
        return EarlyAnswer(unread, guarded, self._know, self._fail)

    async def _know(self, authorization: str | None) -> None:
        await stack_of(self._app).door.principal(authorization, PREDICT)

    async def _fail(self, name: str, error: GatewayError, context: Any) -> None:
        async def refuse(_http: Any, _message: Any, _context: Any) -> NoReturn:
            raise error

        await self._respond(name, refuse, None, context)

    async def _respond(self, name: str, method: Method, message: Any, context: Any) -> Any:
        rpc = await self._run(name, method, message, context)
        await context.send_initial_metadata(rpc.metadata)
        if rpc.fault is not None:
            await context.abort(code_of(rpc.fault), rpc.fault.message, _trailing(rpc.fault))
        return rpc.response

    async def _run(self, name: str, method: Method, message: Any, context: Any) -> Rpc[Any]:
        return await self._rpcs.run(name, context, lambda http: method(http, message, context))


def _path(method: str) -> str:
    return f"/{SERVICE}/{method}"


def _trailing(fault: GatewayError) -> tuple[tuple[str, str], ...]:
    return () if fault.retry_after_s is None else (("retry-after", str(fault.retry_after_s)),)
