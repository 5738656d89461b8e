"""Start the gateway: `python -m gateway [--embedded] [--workers N]`.

Settings are `HEADRACE_*` variables; `python -m gateway settings` lists them. `python -m gateway
keys` makes and revokes API keys, `python -m gateway experiment` changes experiments.
"""

import argparse
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import uvicorn

from gateway.errors import StartError
from gateway.experiments.command_line import experiment
from gateway.experiments.file import ExperimentsError, experiments_at
from gateway.http_server.connection import Config, Connection, HeaderLimits
from gateway.http_server.listening import authority, listen, reserve
from gateway.http_server.whole_responses import Outbox
from gateway.http_server.workers import REPLY_S, Workers
from gateway.observability import logs, metrics_files, tracing
from gateway.observability.otel_variables import TracingError
from gateway.observability.output import say, waiting
from gateway.security.command_line import keys
from gateway.security.tls import ClientTls
from gateway.settings.runtime import RuntimeSettingsError, runtime_at
from gateway.settings.settings import PREFIX, Settings, SettingsError
from gateway.settings.table import table
from gateway.state.redis_state import RedisState
from model_repository.running import find
from model_repository.server import TritonError, TritonUnavailable


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["keys"]:
        logs.configure_for_terminal()
        return keys(argv[1:], _open_state, lambda: f"{PREFIX}STATE_URL={Settings.read().state_url}")
    if argv[:1] == ["experiment"]:
        return experiment(argv[1:])
    if argv == ["settings"]:
        print(table(Settings.model_fields, PREFIX), end="")
        return 0
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _exit)
    try:
        _run(args)
    except (SettingsError, ExperimentsError, RuntimeSettingsError, TracingError, TritonError, TritonUnavailable, StartError) as exc:
        say(str(exc))
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _run(args: argparse.Namespace) -> None:
    """Check the settings and files first; then start what the gateway needs, and serve."""
    settings = Settings.read()
    experiments_at(settings.experiments_file).read()
    runtime_at(settings.runtime_file).read()
    tracing.check(os.environ)
    logs.configure(settings.log_level)
    if not args.embedded:
        settings.require_a_way_in()
    with ExitStack() as stack:
        listener = stack.enter_context(listen(settings.host, settings.port, partial(_stack_there, args.repository, settings.port)))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(settings.write_timeout_s * 1e3))
        if settings.grpc_port:
            stack.enter_context(reserve(settings.host, settings.grpc_port))
        # the workers read their settings from the environment
        if args.embedded:
            # its wheels are an extra, which a gateway beside NVIDIA's container does not need
            from gateway.embedded.children import children

            urls = stack.enter_context(children(args.repository, _url(settings), settings.state_dir))
            os.environ.update({f"{PREFIX}{name.upper()}": url for name, url in urls.items()})
        if args.workers > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-metrics-"))
            os.environ[metrics_files.VARIABLE] = folder
        _serve(listener, settings, args.workers)


def _open_state(timeout_s: float) -> RedisState:
    settings = Settings.read()
    if settings.state_url is None:
        raise SettingsError(f"{PREFIX}STATE_URL: say where the Redis or Valkey is that keeps the keys, e.g. redis://127.0.0.1:6379/0")
    tls = ClientTls(settings.redis_ca_file, settings.redis_client_cert_file, settings.redis_client_key_file)
    url = settings.state_url.get_secret_value()
    return RedisState(url, timeout_s=timeout_s, tls=tls.redis_options(url))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__)
    parser.add_argument("--embedded", action="store_true", help="start a tritonserver and two Valkeys on loopback as children")
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


def _exit(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _url(settings: Settings) -> str:
    """Where a program on this machine reaches the gateway."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - named, not bound
    return f"{'http' if settings.tls_cert_file is None else 'https'}://{authority(host, settings.port)}"


def _stack_there(repository: Path, port: int) -> str:
    """What to do where a stack on this repository has the port already; else nothing."""
    up = next((stack for stack in find(repository) if stack.gateway_url.endswith(f":{port}")), None)
    return f"a stack (process {up.pid}) is up there and offers each new version of {repository} by itself; or " if up else ""


def server_config(settings: Settings, app: str | Callable[..., Any] = "gateway.app:create_app", workers: int = 1) -> Config:
    """How uvicorn serves the application, or the function of this name that makes it."""
    config = Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        loop="uvloop",
        http=Connection,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_s,  # type: ignore[arg-type]  # it is handed to the loop's call_later
        timeout_graceful_shutdown=settings.drain_timeout_s,
        timeout_worker_healthcheck=REPLY_S,
        headers=[("x-content-type-options", "nosniff")],
        ssl_certfile=settings.tls_cert_file,
        ssl_keyfile=settings.tls_key_file,
    )
    config.header_limits = HeaderLimits(settings.max_header_bytes, settings.max_headers, settings.header_timeout_s)
    config.outbox = Outbox()
    return config


def _serve(listener: socket.socket, settings: Settings, workers: int) -> None:
    config = server_config(settings, workers=workers)

    def ready() -> None:
        scheme = "http" if settings.tls_cert_file is None else "https"
        say(f"gateway on {scheme}://{authority(settings.host, settings.port)} (documentation: /docs; stop: Ctrl-C)")
        if settings.grpc_port:
            say(f"Open Inference Protocol over gRPC on {authority(settings.host, settings.grpc_port)}")

    if workers > 1:
        ready()
        Workers(config, sockets=[listener]).run()
        return
    with ExitStack() as loading:
        loading.enter_context(waiting("the gateway loads"))
        _Server(config, started=[loading.close, ready]).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Calls `started` once it answers."""

    def __init__(self, config: Config, started: Sequence[Callable[[], None]]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            for call in self._started:
                call()


if __name__ == "__main__":
    sys.exit(main())
