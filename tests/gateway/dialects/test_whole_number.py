import httpx
import pytest

from gateway.app import create_app
from gateway.dialects.whole_number import MAX_DIGITS, whole_number
from gateway.errors import MalformedRequest
from gateway.grpc_server import messages
from gateway.settings.settings import Settings


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * MAX_DIGITS, 10**MAX_DIGITS - 1)])
def test_digits_are_a_number(text, number):
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1 ", "٣", "²", "9" * (MAX_DIGITS + 1), "9" * 5000], ids=lambda text: text[:20])
def test_everything_else_is_none(text):
    assert whole_number(text) is None


def test_a_version_of_more_digits_than_a_number_has_is_refused_over_grpc():
    assert (messages.version_of(""), messages.version_of("2")) == (None, 2)
    with pytest.raises(MalformedRequest, match="model_version: must be a whole number, or empty"):
        messages.version_of("9" * 5000)


async def test_a_version_of_more_digits_than_a_number_has_is_no_path():
    transport = httpx.ASGITransport(create_app(Settings(auth=frozenset())))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.get(f"/v2/models/topics/versions/{'9' * 5000}/ready")
    assert (answer.status_code, answer.json()) == (404, {"error": "no such path; see /docs"})
