"""Model control of a running Triton, over gRPC: load, unload, and the states of versions.

Over HTTP a load stops nearly all that Triton answers over HTTP until it is over: the thread that
waits for it is the one that holds most connections.

A load may take minutes, so it has no time limit: it is waited for as long as Triton says that it
lives.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

LIVE_TIMEOUT_S = 30.0
"""For an answer that Triton gives at once, on a machine that is busy with a load."""
WATCH_INTERVAL_S = 10.0
"""Between two questions whether Triton lives, while it works on a request."""

OPTIONS = [
    # gRPC would go through the environment's `http_proxy` even to loopback; gateways go straight
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]
"""Of each gRPC channel from us to a Triton."""


class Unanswered(Exception):
    """No Triton answers there; it was asked nothing."""


class Lost(Unanswered):
    """Triton was asked, and answers no more: it may have done what it was asked, or do it yet."""


class Refused(Exception):
    """Triton answered, and refused; the message is its reason."""


class Closed(Refused):
    """Triton takes no such request from anybody: it was started so."""


class Entry(NamedTuple):
    """A version in Triton's index; `state` and `reason` are empty where Triton gives none."""

    name: str
    version: str
    state: str
    reason: str


class Control:
    """Asks one Triton; the methods raise `Unanswered` and `Refused`, and what follows from them."""

    def __init__(self, stub: Any, watch_interval_s: float, live_timeout_s: float) -> None:
        self._stub = stub
        self._watch_interval_s = watch_interval_s
        self._live_timeout_s = live_timeout_s

    def load(self, model: str) -> None:
        """Load a model, also again after its folder changed; ready versions keep answering."""
        self._answer(self._stub.RepositoryModelLoad, pb.RepositoryModelLoadRequest(model_name=model))

    def unload(self, model: str) -> None:
        """Unload all versions of a model."""
        self._answer(self._stub.RepositoryModelUnload, pb.RepositoryModelUnloadRequest(model_name=model))

    def index(self) -> list[Entry]:
        """Triton's index of the models in its repository and of the versions that it knows."""
        found = self._answer(self._stub.RepositoryIndex, pb.RepositoryIndexRequest())
        return [Entry(model.name, model.version, model.state, model.reason) for model in found.models]

    def _answer(self, method: Any, request: Any) -> Any:
        self._require_live()
        call = method.future(request)
        try:
            return self._watched(call)
        except grpc.RpcError as exc:
            try:
                self._require_live()
            except Unanswered:
                raise Lost(exc.details()) from exc
            # the status of a Triton that is not there is also that of one that lets nobody load
            closed = exc.code() is grpc.StatusCode.UNAVAILABLE
            raise (Closed if closed else Refused)(exc.details()) from exc
        finally:
            call.cancel()  # of an answer that is there, nothing

    def _watched(self, call: Any) -> Any:
        """The answer of a call, for which is waited as long as Triton lives."""
        while True:
            try:
                return call.result(timeout=self._watch_interval_s)
            except grpc.FutureTimeoutError:
                try:
                    self._require_live()
                except Unanswered as exc:
                    raise Lost(str(exc)) from exc

    def _require_live(self) -> None:
        try:
            answer = self._stub.ServerLive(pb.ServerLiveRequest(), timeout=self._live_timeout_s)
        except grpc.RpcError as exc:
            raise Unanswered(exc.details()) from exc
        if not answer.live:
            raise Unanswered("it says that it does not live")


@contextmanager
def control(grpc_url: str, *, watch_interval_s: float = WATCH_INTERVAL_S, live_timeout_s: float = LIVE_TIMEOUT_S) -> Iterator[Control]:
    """Control of the Triton whose gRPC endpoint, without TLS, is at host:port."""
    with grpc.insecure_channel(grpc_url, OPTIONS) as channel:
        yield Control(GRPCInferenceServiceStub(channel), watch_interval_s, live_timeout_s)
