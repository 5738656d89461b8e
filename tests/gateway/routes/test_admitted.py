from types import SimpleNamespace
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse

from gateway.app import create_app
from gateway.errors import Forbidden
from gateway.request.context import CONTEXT
from gateway.request.principal import ADMIN, EXPERIMENTS, FEEDBACK
from gateway.routes.admitted import admitted
from gateway.routes.direct import DirectRoute
from gateway.settings.settings import Settings
from gateway.stack import Stack

Admitted = Annotated[Stack, admitted(ADMIN)]


class Door:
    def __init__(self):
        self.entered = []
        self.refuses = False

    async def enter(self, ctx, scope):
        self.entered.append((ctx, scope))
        if self.refuses:
            raise Forbidden("not you")


@pytest.fixture
def door():
    return Door()


@pytest.fixture
def client(door):
    app = FastAPI()
    app.state.stack = SimpleNamespace(door=door, name="the stack")
    app.add_exception_handler(Forbidden, lambda _, exc: JSONResponse(exc.message, exc.status))

    async def name_of(stack: Admitted):
        return stack.name

    @app.get("/one")
    async def one(stack: Admitted):
        return stack.name

    @app.get("/two")
    async def two(stack: Admitted, name: Annotated[str, Depends(name_of)], again: Annotated[Stack, admitted(ADMIN)]):
        return [stack.name, name, again.name]

    @app.get("/number/{number}")
    async def number(stack: Annotated[Stack, admitted(None)], number: int):
        return number

    async def outer(scope, receive, send):
        await app(scope | {CONTEXT: "the context"}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://gateway")


async def test_the_caller_enters_with_the_scope_and_the_route_gets_the_stack(client, door):
    assert (await client.get("/one")).json() == "the stack"
    assert door.entered == [("the context", ADMIN)]


async def test_a_request_enters_once_however_many_parts_of_its_route_ask_for_it(client, door):
    assert (await client.get("/two")).json() == ["the stack"] * 3
    assert len(door.entered) == 1


async def test_who_is_refused_learns_nothing_else(client, door):
    door.refuses = True
    assert [(answer.status_code, answer.json()) for answer in [await client.get("/number/none")]] == [(403, "not you")]
    assert door.entered == [("the context", None)]


def test_every_route_that_documents_401_admits_its_callers():
    guards = {admitted(scope).dependency for scope in (ADMIN, EXPERIMENTS, FEEDBACK, None)}

    def calls(dependant):
        return {dependant.call}.union(*map(calls, dependant.dependencies))

    routes = [route for route in create_app(Settings(auth=frozenset())).api.routes if 401 in getattr(route, "responses", {})]
    framework = [route for route in routes if not isinstance(route, DirectRoute)]
    assert len(framework) == 29
    assert [route.path for route in framework if not guards & calls(route.dependant)] == []
