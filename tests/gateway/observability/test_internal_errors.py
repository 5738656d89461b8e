"""The response to a client after an internal error."""

import httpx
import pytest

from gateway.app import create_app
from gateway.errors import INTERNAL_ERROR
from gateway.settings.settings import Settings

OPENAI = ("/v1/embeddings", "/v1/models")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/models/topics:predict"), ("POST", "/v1/embeddings"), ("POST", "/embed")]
)
async def test_an_internal_error_is_answered_in_the_shape_of_its_path_and_the_connection_stays_open(method, path):
    # without its lifespan the application has no stack, so everything that asks for it fails
    transport = httpx.ASGITransport(create_app(Settings(auth=frozenset())), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.request(method, path)
    error = answer.json()["error"]
    assert (answer.status_code, error["message"] if path in OPENAI else error) == (500, INTERNAL_ERROR)
    assert answer.headers["x-request-id"]
