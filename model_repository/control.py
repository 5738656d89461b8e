"""Model control of a running Triton, over gRPC: load, unload, and the states of versions.

Over HTTP a load stops nearly all that Triton answers over HTTP until it is over: the thread that
waits for it is the one that holds most connections.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

TIMEOUT_S, LIVE_TIMEOUT_S = 300.0, 5.0
_LATE, _UNAVAILABLE = "StatusCode.DEADLINE_EXCEEDED", "StatusCode.UNAVAILABLE"


class Unanswered(Exception):
    """No Triton answers there, or not in time."""


class Refused(Exception):
    """Triton answered, and refused; the message is its reason."""


class Control:
    """Asks one Triton; the methods raise `Unanswered` and `Refused`."""

    def __init__(self, client: InferenceServerClient) -> None:
        self._client = client

    def load(self, model: str) -> None:
        """Load a model, also again after its folder changed; ready versions keep answering."""
        with self._translated():
            self._client.load_model(model, client_timeout=TIMEOUT_S)

    def unload(self, model: str) -> None:
        """Unload all versions of a model."""
        with self._translated():
            self._client.unload_model(model, client_timeout=TIMEOUT_S)

    def index(self) -> list[dict[str, Any]]:
        """Triton's index: of each version `name`, `version`, and where known `state`, `reason`."""
        with self._translated():
            found: dict[str, list[dict[str, Any]]] = self._client.get_model_repository_index(as_json=True, client_timeout=TIMEOUT_S)
        return found.get("models", [])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except InferenceServerException as exc:
            # a Triton that lets nobody load refuses by the status of one that is not there
            silent = exc.status() == _LATE or (exc.status() == _UNAVAILABLE and not self._is_live())
            raise (Unanswered if silent else Refused)(exc.message()) from exc

    def _is_live(self) -> bool:
        try:
            return bool(self._client.is_server_live(client_timeout=LIVE_TIMEOUT_S))
        except InferenceServerException:
            return False


@contextmanager
def control(grpc_url: str) -> Iterator[Control]:
    """Control of the Triton whose gRPC endpoint is at host:port."""
    client = InferenceServerClient(grpc_url)
    try:
        yield Control(client)
    finally:
        client.close()
