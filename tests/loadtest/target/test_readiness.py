"""How the cache is warmed before a load."""

from collections.abc import Mapping
from typing import Any

from loadtest.target.client import Client, Response
from loadtest.target.readiness import WARM_UP_TEXTS, warm_cache


class Noting(Client):
    """A client that answers itself and notes what it was to send."""

    def __init__(self) -> None:
        super().__init__("http://h")
        self.sent: list[Mapping[str, Any]] = []

    def predict(self, model: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
        self.sent.append(body)
        return Response(200, {}, {"predictions": []})


def test_each_version_gets_every_text_once_a_few_at_a_time() -> None:
    client, texts = Noting(), [f"text {number}" for number in range(2 * WARM_UP_TEXTS + 1)]
    warm_cache(client, "http://h", "topics", texts, [1, 2])
    for version in (1, 2):
        parts = [body["instances"] for body in client.sent if body["version"] == version]
        assert [text for part in parts for text in part] == texts
        # a server of two texts a second answers in half of the client's 10 s
        assert max(map(len, parts)) <= WARM_UP_TEXTS <= 10
