"""A real tritonserver and two real Valkeys on this machine, which end with the gateway."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gateway.embedded.traces import triton_arguments
from gateway.embedded.valkey import Valkey
from gateway.observability.output import say, waiting
from model_repository.running import announced
from model_repository.server import TritonServer

WATCH_INTERVAL_S = 1.0


@contextmanager
def children(repository: Path, gateway_url: str, state_dir: Path) -> Iterator[dict[str, str]]:
    """Start the children, and stop them at the end.

    The cache and state have a Valkey each: the cache's forgets when its memory is full, and that of
    state keeps in `state_dir` what it acknowledged, for the next stack too. Gives their URLs by the
    names of the gateway's settings. While they run, `python -m export` finds them by the repository
    that they serve.

    Raises:
        TritonUnavailable: no Triton wheel fits this machine; the message says what to do instead.
        TritonError: Triton did not start; the message ends with what it logged.
        StartError: Valkey did not start, or another stack keeps its state in `state_dir`.
    """
    with ExitStack() as running:
        # first, since it may be refused, and Triton takes long
        with waiting(f"Valkey reads {state_dir}"):
            state = running.enter_context(Valkey(state_dir))
        cache = running.enter_context(Valkey())
        say(f"starting Triton on {repository} …")
        tracing = triton_arguments(os.environ)
        with waiting("Triton loads its models"):
            triton = running.enter_context(TritonServer.start(repository, arguments=tracing))
        running.enter_context(_watched(triton, cache, state, state_dir))
        say(f"Triton (pid {triton.pid}) answers on {triton.http_url}, and over gRPC on {triton.grpc_url}")
        say(f"Valkey (pid {cache.pid}) is the cache on {cache.socket}")
        say(f"Valkey (pid {state.pid}) keeps state in {state_dir}, on {state.socket}")
        try:
            with _announced(repository, triton, gateway_url):
                yield {"triton_url": triton.http_url, "cache_url": cache.url, "state_url": state.url}
        finally:
            say("stopping Triton and Valkey …")


@contextmanager
def _announced(repository: Path, triton: TritonServer, gateway_url: str) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(announced(repository, triton.http_url, triton.grpc_url, triton.name, gateway_url))
        except OSError as exc:
            remedy = f"exports will not find this Triton: give them --triton {triton.grpc_url}"
            say(f"{repository} cannot be written ({exc.strerror}), so {remedy}")
        yield


@contextmanager
def _watched(triton: TritonServer, cache: Valkey, state: Valkey, state_dir: Path) -> Iterator[None]:
    """Say once that a child has ended by itself, and what this means for the gateway."""
    stopping = threading.Event()
    alive: dict[str, tuple[TritonServer | Valkey, str]] = {
        "Triton": (triton, "what is cached is still answered, the rest with 503, until you start again"),
        "Valkey for the cache": (cache, "answers are no longer cached until you start again"),
        "Valkey for state": (
            state,
            f"keys, quotas and experiments cannot be changed until you start again; what it acknowledged is in {state_dir}",
        ),
    }

    def watch() -> None:
        while alive and not stopping.wait(WATCH_INTERVAL_S):
            for name, (child, consequence) in list(alive.items()):
                if (code := child.poll()) is not None:
                    said = f" ({words})" if child is state and (words := state.last_words) else ""
                    say(f"{name} has exited with code {code}{said}: {consequence}")
                    del alive[name]

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
