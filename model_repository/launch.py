"""What a tritonserver of the wheel is started with: command line, environment, backends, ports."""

import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_repository.config import BACKEND, FILE
from model_repository.tensors import DIGEST
from model_repository.wheel import Wheel

LOOPBACK = "127.0.0.1"
EXIT_TIMEOUT_S = 5
"""How long Triton waits for running inferences when it is told to stop."""
STUB_TIMEOUT_S = 120

Ports = tuple[int, int, int]
"""HTTP, gRPC, metrics."""


@dataclass(frozen=True)
class Launch:
    """Which models are served from which repository, by which binaries and backends.

    `models` None loads all; `arguments` go to the server after ours.
    """

    wheel: Wheel
    repository: Path
    models: Sequence[str] | None
    arguments: Sequence[str]
    backends: Path

    def command(self, name: str, ports: Ports) -> list[str]:
        """The command line of a server that is called `name` and listens on `ports`."""
        http, grpc, metrics = ports
        return [
            str(self.wheel.tritonserver),
            f"--id={name}",
            f"--model-repository={self.repository.resolve()}",
            f"--backend-directory={self.backends}",
            "--model-control-mode=explicit",
            *self._auto_completion(),
            *(f"--load-model={model}" for model in (["*"] if self.models is None else self.models)),
            "--strict-readiness=true",
            "--exit-on-error=false",
            f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
            *(f"--{kind}-address={LOOPBACK}" for kind in ("http", "grpc", "metrics")),
            f"--http-port={http}",
            f"--grpc-port={grpc}",
            f"--metrics-port={metrics}",
            f"--backend-config=python,shm-region-prefix-name={name}",
            f"--backend-config=python,stub-timeout-seconds={STUB_TIMEOUT_S}",
            "--pinned-memory-pool-byte-size=0",
            *self.arguments,
        ]

    def _auto_completion(self) -> list[str]:
        """Whether Triton asks our backend what a configuration lacks: a stub for each version.

        Those that were packaged before there was the output DIGEST lack it.
        """
        paths = self.repository.glob(f"*/{FILE}")
        complete = all(DIGEST.encode() in path.read_bytes() for path in paths)
        return ["--disable-auto-complete-config"] if complete else []

    def environment(self) -> dict[str, str]:
        """Our environment, in which the stub finds its libraries and this Python's packages."""
        libraries = [*map(str, self.wheel.library_folders), os.environ.get("LD_LIBRARY_PATH", "")]
        # the stub takes its packages from the `python3` that it finds first
        programs = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        return os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)), "PATH": os.pathsep.join(programs)}


def gather_backends(wheel: Wheel, folder: Path) -> Path:
    """Make a backend directory with Triton's Python backend, the stub for this Python, and ours."""
    python = folder / "python"
    # copies: Triton refuses a backend's library that lies elsewhere
    shutil.copytree(wheel.python_backend, python, ignore=shutil.ignore_patterns("__pycache__"))
    stub = Path(shutil.copy(wheel.stub, python))
    stub.chmod(0o755)
    (folder / BACKEND).symlink_to(Path(__file__).resolve().parent / "backend", target_is_directory=True)
    return folder


def free_ports() -> Ports:
    """Three loopback ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(3)]
        http, grpc, metrics = (sock.getsockname()[1] for sock in sockets)
    return http, grpc, metrics
