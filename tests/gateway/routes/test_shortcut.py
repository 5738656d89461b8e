import httpx
import pytest
from fastapi import FastAPI, Request, Response

from gateway.errors import NotReady
from gateway.routes.direct import DirectRoute
from gateway.routes.shortcut import MAX_PATH_CHARS, MAX_PATHS, Shortcut


@pytest.fixture
def app():
    app = FastAPI(redirect_slashes=False)

    async def direct(request: Request) -> Response:
        if request.path_params["name"] == "away":
            raise NotReady("away")
        return Response(f"direct {request.path_params['name']} {type(request.app).__name__}")

    app.router.routes.append(DirectRoute("/things/{name}", direct, methods=["POST"]))
    app.add_api_route("/other", lambda: "other")
    return app


@pytest.fixture
def shortcut(app):
    async def outer(scope, receive, send):
        await shortcut(scope | {"app": app}, receive, send)

    shortcut = Shortcut(app, app.router.routes, lambda _, exc: Response(exc.message, exc.status))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://gateway")
    client.shortcut = shortcut
    return client


async def test_direct_route_is_called_with_its_own_parameters_each_time(shortcut):
    answers = [(await shortcut.post(f"/things/{name}")).text for name in ("a", "b", "a")]
    assert answers == ["direct a FastAPI", "direct b FastAPI", "direct a FastAPI"]


async def test_its_errors_are_rendered(shortcut):
    answer = await shortcut.post("/things/away")
    assert (answer.status_code, answer.text) == (503, "away")


async def test_everything_else_passes(shortcut):
    assert (await shortcut.get("/other")).json() == "other"
    assert [(await shortcut.get("/things/a")).status_code, (await shortcut.post("/nowhere")).status_code] == [405, 404]


async def test_paths_that_clients_choose_are_remembered_within_bounds(shortcut):
    for i in range(MAX_PATHS + 10):
        assert (await shortcut.post(f"/things/{i}")).text == f"direct {i} FastAPI"
    assert len(shortcut.shortcut._found) <= MAX_PATHS
    assert (await shortcut.post("/things/" + "a" * MAX_PATH_CHARS)).status_code == 200
    assert all(len(path) <= MAX_PATH_CHARS for _, path in shortcut.shortcut._found)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/other" + "/" * 5000, "/other" + "%2F" * 5000], ids=["slashes", "escapes"])
async def test_a_path_of_many_slashes_is_looked_for_once(shortcut, method, path):
    assert (await shortcut.request(method, path)).status_code in {404, 405}


async def test_one_slash_at_the_end_changes_nothing(shortcut):
    assert (await shortcut.get("/other/")).json() == "other"
    assert (await shortcut.post("/things/a/")).text == "direct a FastAPI"
    assert (await shortcut.get("/other//")).status_code == 404
