"""The dependency of routes that ask who calls: it lets the caller in and gives the stack."""

from functools import cache
from typing import Any

from fastapi import Depends, Request

from gateway.request.context import CONTEXT
from gateway.stack import Stack, stack_of


@cache
def admitted(scope: str | None) -> Any:
    """A dependency that gives the `Stack` to callers who have `scope`; None: to all that are known.

    There is one for each scope, so a request enters once however many parts of its route ask for
    it. The hot routes admit their callers by `Call.enter` instead.

    Raises:
        GatewayError: as `Door.enter`, when a request comes.
    """

    async def enter(request: Request) -> Stack:
        stack = stack_of(request.app)
        await stack.door.enter(request.scope[CONTEXT], scope)
        return stack

    return Depends(enter)
