"""What the routes see: whether a caller may ask for something, and what is taken from its limits.

await stack.door.enter(ctx, PREDICT)      authenticates, checks the scope, takes one request
await stack.door.charge(ctx, len(texts))  takes the request's items
stack.door.give_back(ctx, len(texts))     gives back what was not computed of them
await stack.door.check(ctx, PREDICT)      authenticates again, before each part of a long request
"""

from functools import partial

from gateway.errors import Forbidden, MalformedRequest
from gateway.request.context import RequestContext
from gateway.request.principal import ADMIN, ANONYMOUS, Principal
from gateway.security.authenticator import Authenticator
from gateway.security.rate_limiting.rate_limiter import RateLimiter


class Door:
    """Without an authenticator everyone may do everything except administration."""

    def __init__(self, authenticator: Authenticator | None, limiter: RateLimiter) -> None:
        self._authenticator, self._limiter = authenticator, limiter

    @property
    def guarded(self) -> bool:
        """Whether callers must say who they are."""
        return self._authenticator is not None

    async def enter(self, ctx: RequestContext, scope: str | None) -> None:
        """Let in a caller that has `scope` (None: any known caller), and write it into `ctx`.

        Raises:
            MalformedRequest: a header of which one value counts came more than once.
            Unauthenticated: the caller is not known.
            Forbidden: the caller is known, but does not have the scope.
            RateLimited: the caller has sent too many requests.
            StateUnavailable: state is gone, and the caller's key is not remembered.
        """
        if ctx.repeated:
            raise MalformedRequest(f"{ctx.repeated[0]}: the request has this header more than once; send one")
        ctx.principal = principal = await self.principal(ctx.headers.get("authorization"), scope)
        ctx.tenant = principal.tenant
        if self._authenticator is not None:
            ctx.rate_limit = partial(self._limiter.headers, principal)
            await self._limiter.take_request(principal)

    async def check(self, ctx: RequestContext, scope: str | None) -> None:
        """As `enter`, without taking a request: so a long request ends with its caller's key.

        Raises:
            Unauthenticated, Forbidden, StateUnavailable: as `enter`.
        """
        ctx.principal = principal = await self.principal(ctx.headers.get("authorization"), scope)
        ctx.tenant = principal.tenant

    async def principal(self, authorization: str | None, scope: str | None) -> Principal:
        """The caller that sent this header, if it has `scope`.

        Raises:
            Unauthenticated, Forbidden, StateUnavailable: as `enter`.
        """
        if self._authenticator is None:
            if scope == ADMIN:
                raise Forbidden("administration needs a key with the scope admin, and authentication is off: set HEADRACE_AUTH=keys")
            return ANONYMOUS
        principal = await self._authenticator.principal(authorization)
        if scope is not None and scope not in principal.scopes:
            raise Forbidden(f"this needs a key with the scope {scope}")
        return principal

    async def charge(self, ctx: RequestContext, items: int) -> None:
        """Take a request's items from the rate limits of its caller.

        Raises:
            RateLimited: too few are left.
            InvalidRequest: they are more than the caller may send at once.
        """
        if self._authenticator is not None:
            await self._limiter.take_items(ctx.principal, items)

    def give_back(self, ctx: RequestContext, items: int) -> None:
        """Give back what was charged for so many items, except for those that were computed.

        For a request, or a part of one, that has no answer.
        """
        if self._authenticator is not None and items > ctx.computed:
            self._limiter.give_back_items(ctx.principal, items - ctx.computed)
