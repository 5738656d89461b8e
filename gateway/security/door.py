"""What the routes see: a request comes in with a scope, and pays for its items.

await stack.door.enter(ctx, PREDICT)      who asks, may they, one request of their rate
await stack.door.charge(ctx, len(texts))  their items
"""

from functools import partial

from gateway.errors import Forbidden
from gateway.request.context import RequestContext
from gateway.request.principal import ADMIN, ANONYMOUS
from gateway.security.authenticator import Authenticator
from gateway.security.rate_limiting.rate_limiter import RateLimiter


class Door:
    """Without an authenticator everyone may do everything but administer."""

    def __init__(self, authenticator: Authenticator | None, limiter: RateLimiter) -> None:
        self._authenticator, self._limiter = authenticator, limiter

    @property
    def guarded(self) -> bool:
        """Whether callers must say who they are."""
        return self._authenticator is not None

    async def enter(self, ctx: RequestContext, scope: str | None) -> None:
        """Let a caller in who may do what `scope` says (None: who is known at all), and write into `ctx` who it is.

        Raises:
            Unauthenticated: nobody that is known.
            Forbidden: known, but without the scope.
            RateLimited: too many requests.
            StateUnavailable: it cannot be said now.
        """
        if self._authenticator is None:
            if scope == ADMIN:
                raise Forbidden("administration needs a key with the scope admin, and authentication is off: set HEADRACE_AUTH=keys")
            ctx.principal = ANONYMOUS
            return
        principal = await self._authenticator.principal(ctx.headers.get("authorization"))
        ctx.principal, ctx.tenant = principal, principal.tenant
        if scope is not None and scope not in principal.scopes:
            raise Forbidden(f"this needs a key with the scope {scope}")
        ctx.rate_limit = partial(self._limiter.headers, principal)
        await self._limiter.take_request(principal)

    async def charge(self, ctx: RequestContext, items: int) -> None:
        """Take a request's items from its caller's limits.

        Raises:
            RateLimited: too few are left.
            InvalidRequest: more than the caller may send at once.
        """
        if self._authenticator is not None:
            await self._limiter.take_items(ctx.principal, items)
