"""Who may use the routes that are for operators."""

from fastapi import Request

from gateway.context import RequestContext
from gateway.errors import Forbidden
from gateway.observe import CONTEXT
from gateway.stack import Stack


async def require_admin(request: Request) -> None:
    """Let a request with an API key pass; without any key configured nobody passes.

    Raises:
        Unauthenticated: no key, or one that is not known.
        Forbidden: the gateway knows no keys.
    """
    stack: Stack = request.app.state.stack
    ctx: RequestContext = request.scope[CONTEXT]
    ctx.tenant = stack.authenticator.tenant(ctx.headers.get("authorization"))
    if not ctx.tenant:
        raise Forbidden("this path is for holders of an API key, and none is configured; set HEADRACE_API_KEYS")
