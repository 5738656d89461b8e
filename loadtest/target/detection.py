"""Whether a server is Headrace, as it says itself."""

from urllib.parse import quote

from loadtest.target.client import Client, Response
from loadtest.target.readiness import TargetError
from loadtest.workload.server import HEADRACE, OTHER

OK, UNAUTHORIZED, TOO_MANY, FAILING = 200, 401, 429, 500


def detect(client: Client, url: str, model: str) -> str:
    """`HEADRACE` or `OTHER`.

    A server is Headrace where its `/v1/models/{model}` tells the versions of the model, or its
    `/v2` tells that name. A server that answers neither, since it is busy or wants a key, is not
    taken for another one.

    Raises:
        TargetError: it cannot be told; the message says how to.
        NoAnswerError: no answer came.
    """
    shown = _asked(client, url, f"/v1/models/{quote(model)}")
    if isinstance(shown.body, dict) and isinstance(shown.body.get("versions"), list):
        return HEADRACE
    server = _asked(client, url, "/v2")
    return HEADRACE if isinstance(server.body, dict) and server.body.get("name") == HEADRACE else OTHER


def _asked(client: Client, url: str, path: str) -> Response:
    response = client.get(path)
    if response.status == UNAUTHORIZED:
        raise TargetError(f"The server at {url} asks for a key: pass --header 'Authorization: Bearer KEY'.")
    if response.status == TOO_MANY or response.status >= FAILING:
        raise TargetError(
            f"The server at {url} does not tell whether it is Headrace: {path} gave {response.reason}; "
            "try again, or pass --server headrace or --server other."
        )
    return response
