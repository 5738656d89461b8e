"""Answering again: the package of a version was replaced while a request for it was on its way.

Its rows are no answer of the package that the request was placed on, and its texts may even have to
be read in another way. So the catalog is read anew and the request is answered from the start, by
the package that is there now. It is not authenticated again, it pays for one answer, and its
deadline stays what it was.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request

from gateway.errors import PackageReplaced
from gateway.request.context import CONTEXT, RequestContext
from gateway.stack import Stack, stack_of

ATTEMPTS = 3
"""So often a request is answered, the first time included; packages are not replaced more often."""
T = TypeVar("T")


async def answer_again(respond: Callable[[Request], Awaitable[T]], request: Request) -> T:
    """What `respond` gives by the package that is there now, after it raised `PackageReplaced`.

    Raises:
        PackageReplaced: the version contradicts its own catalog.
        GatewayError: as `respond`.
    """
    ctx: RequestContext = request.scope[CONTEXT]
    ctx.again = True
    return await by_present_package(lambda: respond(request), stack_of(request.app), ATTEMPTS - 1)


async def by_present_package(respond: Callable[[], Awaitable[T]], stack: Stack, attempts: int = ATTEMPTS - 1) -> T:
    """What `respond` gives once the catalog was read anew."""
    while True:
        await stack.catalog.read_anew()
        attempts -= 1
        try:
            return await respond()
        except PackageReplaced:
            if not attempts:
                raise
