"""RPCs whose answer does not depend on their message are answered before that is received.

gRPC receives the message of a method before it calls the method. An unfinished message may be as
large as a body and take its time, so without this anybody could fill the memory with them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from gateway.errors import GatewayError

Answer = Callable[[Any], Awaitable[Any]]
"""The response of an RPC, from its context."""


class EarlyAnswer(grpc.aio.ServerInterceptor):  # type: ignore[misc] # grpc has no types
    """Answers before the message.

    `unread` are the answers of methods that need no message, by the methods' paths. A method whose
    path is in `guarded` is refused where `know` raises a `GatewayError` for what was sent as
    `authorization`; `fail` makes the refusal, from the method's name, the error and the context.
    """

    def __init__(
        self,
        unread: dict[str, Answer],
        guarded: frozenset[str],
        know: Callable[[str | None], Awaitable[None]],
        fail: Callable[[str, GatewayError, Any], Awaitable[None]],
    ) -> None:
        self._unread, self._guarded, self._know, self._fail = unread, guarded, know, fail

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        """The handler of an RPC of which only the head has come."""
        handler = await continuation(details)
        if (answer := self._unread.get(details.method)) is not None:
            return _early(answer, handler.response_serializer)
        if details.method in self._guarded:
            try:
                await self._know(dict(details.invocation_metadata).get("authorization"))
            except GatewayError as exc:
                return self._refusal(details.method.rpartition("/")[2], exc)
        return handler

    def _refusal(self, name: str, error: GatewayError) -> Any:
        async def refuse(context: Any) -> None:
            await self._fail(name, error, context)

        return _early(refuse, None)


def _early(answer: Answer, serialize: Callable[[Any], bytes] | None) -> Any:
    async def respond(_messages: Any, context: Any) -> AsyncIterator[Any]:
        yield await answer(context)

    # the one kind of method that is called before a message is received
    return grpc.stream_stream_rpc_method_handler(respond, response_serializer=serialize)
