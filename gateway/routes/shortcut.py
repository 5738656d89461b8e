"""Finds direct routes without the framework's search: it remembers which route a path means.

The framework tries its routes in turn and wraps each request in two more layers, which takes a
fifth of the time of a cached answer. HEAD is answered as GET is, without the body, and a path that
ends with one slash as the path without it; with several it is no such path.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from fastapi import Request, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.calls.replacement import answer_again
from gateway.catalog.aliases import in_path, spelled
from gateway.errors import GatewayError, PackageReplaced
from gateway.http_server.compression import compress, is_compressed
from gateway.http_server.content_coding import MIN_BYTES
from gateway.request.context import CONTEXT
from gateway.routes.direct import DirectRoute

MAX_PATHS = 1024
MAX_PATH_CHARS = 256


class Shortcut:
    """ASGI middleware that calls the endpoint of a direct route itself and passes on all else.

    `render` makes the response to a `GatewayError`. Models' `aliases` may stand in paths even where
    they are no segment.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[BaseRoute],
        render: Callable[[Request, Exception], Response],
        aliases: Iterable[str] = (),
    ) -> None:
        self._app, self._render = app, render
        self._aliases = [alias for alias in aliases if spelled(alias) != alias]
        self._routes = [route for route in routes if isinstance(route, DirectRoute)]
        self._found: dict[tuple[str, str], tuple[DirectRoute, Scope]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        found = self._find(scope) if scope["type"] == "http" else None
        if found is None:
            await self._pass_on(scope, receive, send)
            return
        route, child_scope = found
        scope.update(child_scope)
        request = Request(scope, receive, send)
        try:
            response = await route.endpoint(request)
        except PackageReplaced:
            response = await self._answered_again(route, request)
        except GatewayError as exc:
            response = self._render(request, exc)
        # a stream has no body: it is not compressed
        if len(getattr(response, "body", b"")) >= MIN_BYTES and is_compressed(scope["path"]):
            await compress(response, scope[CONTEXT].headers.get("accept-encoding", ""))
        await response(scope, receive, send)

    async def _answered_again(self, route: DirectRoute, request: Request) -> Response:
        try:
            return await answer_again(route.endpoint, request)
        except GatewayError as exc:
            return self._render(request, exc)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the framework answer; what it does not know, as the path or method that is meant."""
        if scope["type"] == "http":
            path, raw_path = scope["path"], scope.get("raw_path", b"")
            if scope["method"] == "HEAD":
                await self({**scope, "method": "GET"}, receive, partial(_send_head, send))
                return
            if path.endswith("/") and not path.endswith("//") and path != "/":
                await self({**scope, "path": path[:-1], "raw_path": raw_path.removesuffix(b"/")}, receive, send)
                return
        await self._app(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[DirectRoute, Scope] | None:
        path = (scope["method"], scope["path"])
        if (found := self._found.get(path)) is not None:
            return found
        if self._aliases:
            scope["path"] = in_path(scope["path"], self._aliases)
        for route in self._routes:
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                if len(scope["path"]) <= MAX_PATH_CHARS:  # clients choose the paths
                    if len(self._found) >= MAX_PATHS:
                        self._found.clear()
                    self._found[path] = route, child_scope
                return route, child_scope
        return None


async def _send_head(send: Send, message: Message) -> None:
    """Send a response to HEAD: that to GET, without its body (RFC 9110, section 9.3.2)."""
    await send({**message, "body": b""} if message["type"] == "http.response.body" else message)
