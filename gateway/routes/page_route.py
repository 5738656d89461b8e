"""What the pages' routes share: who is let in, forms, and errors that are pages, too."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from gateway.errors import GatewayError, InvalidRequest, MalformedRequest, Unauthenticated
from gateway.experiments.control import ControlPlane
from gateway.http_server.body import read_body
from gateway.pages.browser import require_own_page
from gateway.pages.render import render
from gateway.request.context import CONTEXT, RequestContext
from gateway.request.principal import EXPERIMENTS
from gateway.security.sessions import COOKIE
from gateway.security.unguarded import SAID
from gateway.stack import Stack, stack_of

HOME: Final = "/experiments"
# no key of an experiment begins with a hyphen
LOGIN: Final = f"{HOME}/-/login"
MAX_FIELDS: Final = 100
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
Handler = Callable[[Request], Awaitable[Response]]


def page(router: APIRouter, path: str, method: str = "GET") -> Callable[[Handler], Handler]:
    """Register a route whose errors are pages; who is not logged in is sent to the login."""

    def registered(handler: Handler) -> Handler:
        @wraps(handler)
        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Unauthenticated:
                return redirect(f"{LOGIN}?next={quote(request.url.path)}" if method == "GET" else LOGIN)
            except GatewayError as exc:
                request.scope[CONTEXT].error = repr(exc.__cause__ or exc)
                return shown(request, "fault", exc.status, title="That did not work", message=exc.message)

        router.add_route(path, answer, methods=[method])
        return handler

    return registered


def shown(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page of a template."""
    guarded = stack_of(request.app).door.guarded
    text = render(template, auth="" if guarded else SAID, logged_in=guarded and COOKIE in request.cookies, **values)
    return Response(text, status, _HEADERS, "text/html")


def redirect(path: str) -> Response:
    """Send the browser on, with GET."""
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


async def entered(request: Request) -> Stack:
    """The stack, for the caller whose key the cookie holds.

    Raises:
        Unauthenticated: nobody is logged in, or the login is over.
        GatewayError: as `Door.enter`.
    """
    stack, ctx = stack_of(request.app), as_caller(request, None)
    if stack.door.guarded and COOKIE in request.cookies:
        key = await stack.sessions.open(request.cookies[COOKIE])
        ctx = as_caller(request, key)
    await stack.door.enter(ctx, EXPERIMENTS)
    return stack


def as_caller(request: Request, key: str | None) -> RequestContext:
    """The request's context, as if the key stood in its header."""
    ctx: RequestContext = request.scope[CONTEXT]
    if key is not None:
        ctx.headers = {**ctx.headers, "authorization": f"Bearer {key}"}
    return ctx


async def changing(request: Request) -> tuple[Stack, ControlPlane, dict[str, str]]:
    """The stack, the control plane and the form, for a caller that may change experiments.

    Raises:
        GatewayError: as `entered`; the form is not of a page of this gateway, or cannot be read.
    """
    require_own_page(request.scope[CONTEXT].headers)
    stack = await entered(request)
    if not stack.door.guarded:
        stack.unguarded.require(request.scope[CONTEXT].headers)
    return stack, stack.control, await form_of(request, stack)


async def form_of(request: Request, stack: Stack) -> dict[str, str]:
    """The fields of a form; of one that comes twice, the last.

    Raises:
        MalformedRequest: it is none.
        InvalidRequest: it has too many fields.
        GatewayError: as `read_body`.
    """
    raw = await read_body(request, request.scope[CONTEXT], stack.request_limits.body)
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except UnicodeDecodeError:
        raise MalformedRequest("the form is not in UTF-8") from None
    except ValueError:
        raise InvalidRequest(f"the form has more than {MAX_FIELDS} fields") from None


def caller(request: Request, stack: Stack) -> str:
    """Who asks, as the audit names it: a tenant and its key or its token's subject."""
    principal = request.scope[CONTEXT].principal
    return f"{principal.tenant}/{principal.id}" if stack.door.guarded else "anyone (authentication is off)"
