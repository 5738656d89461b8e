"""Start the gateway: `python -m gateway [--embedded] [--workers N]`. Settings are `HEADRACE_*` variables."""

import argparse
import os
import signal
import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn
from uvicorn.supervisors import Multiprocess

from gateway import logs, tracing
from gateway.errors import StartError
from gateway.experiments import Experiments, ExperimentsError
from gateway.runtime_settings import Runtime, RuntimeSettingsError
from gateway.settings import Settings, SettingsError
from gateway.tracing import TracingError
from model_repository.server import TritonError, TritonUnavailable

# as in `metrics`, which must not be imported here: prometheus_client reads the variable on import, before the workers have it
MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _leave)
    try:
        settings = Settings.read()
        Experiments(settings.experiments_file).read()
        Runtime(settings.runtime_file).read()
        tracing.check(os.environ)
        logs.configure(settings.log_level)
        with ExitStack() as stack:
            listener = stack.enter_context(_bind(settings.host, settings.port))
            if args.embedded:
                from gateway.embedded import children  # its wheels are an extra that a gateway beside NVIDIA's container does not need

                os.environ.update(stack.enter_context(children(args.repository)))
            if args.workers > 1:
                os.environ[MULTIPROCESS_DIR] = stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-metrics-"))
            _serve(listener, settings, args.workers)
    except (SettingsError, ExperimentsError, RuntimeSettingsError, TracingError, TritonError, TritonUnavailable, StartError) as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__)
    parser.add_argument("--embedded", action="store_true", help="start a tritonserver and a Valkey on loopback as children")
    parser.add_argument("--workers", type=_count, default=1, metavar="N", help="processes that share the port (default 1)")
    parser.add_argument(
        "--repository",
        type=Path,
        default=Path("model_repository/models"),
        metavar="DIR",
        help="what the embedded Triton serves (default %(default)s)",
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _bind(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048, family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as exc:
        raise StartError(f"cannot listen on {host}:{port} ({os.strerror(exc.errno or 0)}): set HEADRACE_PORT to a free port") from exc


def _serve(listener: socket.socket, settings: Settings, workers: int) -> None:
    config = uvicorn.Config(
        "gateway.app:create_app",
        factory=True,
        workers=workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.drain_timeout_s,
    )
    print(f"gateway on http://{settings.host}:{settings.port} (documentation: /docs; stop: Ctrl-C)", file=sys.stderr, flush=True)
    if workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
