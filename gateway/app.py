"""The application: routes, middleware, rendering of errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.dialects.error_body import error_body, error_status, internal_error
from gateway.errors import INTERNAL_ERROR, GatewayError, TooLarge, TooSlow, Unauthenticated
from gateway.experiments.file import experiments_at
from gateway.faults import dotted, faults_of
from gateway.grpc_server.server import ServingOptions, serving
from gateway.http_server.body import let_go
from gateway.http_server.compression import Compression
from gateway.http_server.cross_origin import cross_origin
from gateway.http_server.drain import CloseWhileDraining, Drain
from gateway.lifespan import VERSION, running
from gateway.measurement.request_end import CountExposures
from gateway.observability import logs, metrics, tracing
from gateway.observability.observe import Observe
from gateway.observability.request_log import log_request
from gateway.observability.request_metrics import measure
from gateway.request.body_room import BodyRoom
from gateway.request.context import CONTEXT, RequestContext
from gateway.routes import (
    admin_keys,
    cache,
    cohere,
    debug,
    experiment_results,
    experiments,
    experiments_page,
    generate,
    health,
    models,
    open_inference,
    openai,
    outcomes,
    predict,
    predict_stream,
    tei,
    tei_server,
)
from gateway.routes.documentation import openapi as documentation
from gateway.routes.documentation.page import DocumentationPage
from gateway.routes.shortcut import Shortcut
from gateway.settings.runtime import runtime_at
from gateway.settings.settings import Settings
from gateway.state.state import State
from gateway.triton.model_server import ModelServer

log = structlog.get_logger()
# the hot ones first; statistics and verbs of a model before the model itself
ROUTES = (
    predict,
    predict_stream,
    open_inference,
    generate,
    openai,
    cohere,
    tei,
    tei_server,
    models,
    cache,
    health,
    experiment_results,
    experiments,
    experiments_page,
    outcomes,
    admin_keys,
    debug,
)
OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""`Observe` sees every request; the framework would look for its own telemetry at each of them."""
DESCRIPTION = """Fine-tuned models at high throughput: a response cache and A/B splits in front of NVIDIA Triton.

**Start here.** `GET /v1/models` says which models there are, and their tasks; this asks one:

    curl localhost:8080/v1/models/topics:predict -d '{"instances": ["opec cut output"]}'

The other groups speak the dialects of other servers, whose clients work unchanged. Every error is a
status and a sentence that says what to change. Where the gateway asks for API keys, send yours as
`Authorization: Bearer …`.
"""


class Gateway:
    """ASGI application: our own layers in front of FastAPI, which is `api`.

    Requests that our layers answer themselves do not pass through the framework's layers.
    """

    def __init__(self, api: FastAPI, front: ASGIApp) -> None:
        self.api, self._front = api, front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        scope["app"] = self.api
        await self._front(scope, receive, send)


def create_app(settings: Settings | None = None, *, triton: ModelServer | None = None, state: State | None = None) -> Gateway:
    """The application; its settings come from the environment unless they are given.

    `triton` and `state` stand in place of the Triton and the state that the settings name, as
    `gateway.fakes.triton.FakeTriton` and `gateway.fakes.state.FakeState` do in tests.

    Raises:
        SettingsError: a setting cannot be used.
        ExperimentsError: the experiments file cannot be used at start-up.
        RuntimeSettingsError: the file of runtime settings cannot be used at start-up.
        TracingError: a variable that asks for traces cannot be used.
    """
    settings = settings or Settings.read()
    logs.configure(settings.log_level)
    if state is None:
        settings.require_a_way_in()
    metrics.start(VERSION)
    file_experiments, runtime = experiments_at(settings.experiments_file), runtime_at(settings.runtime_file)
    file_experiments.read()
    runtime.read()
    file_experiments.warn()
    tracer = tracing.start(VERSION)
    count_exposures = CountExposures(settings.latency_objective_ms / 1e3)
    observed = partial(Observe, internal_error=internal_error, ends=(measure, log_request, let_go, count_exposures), tracer=tracer)
    if not settings.auth:
        log.warning("authentication is off: everyone who reaches this port may ask and change experiments; HEADRACE_AUTH=keys changes that")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, file_experiments, runtime, drain, tracer=tracer, triton=triton, state=state) as stack:
            app.state.stack, count_exposures.exposures = stack, stack.exposures
            tls = settings.tls_cert_file and settings.tls_key_file and (settings.tls_cert_file, settings.tls_key_file)
            options = ServingOptions(
                host=settings.host,
                port=settings.grpc_port,
                max_message_bytes=settings.max_body_bytes,
                handshake_timeout_s=settings.header_timeout_s,
                max_streams=settings.grpc_max_streams,
                tls=tls or None,
            )
            async with serving(app, options, drain, observed):
                yield
        if tracer is not None:
            tracer.close()

    about = {"title": "Headrace", "version": VERSION, "description": DESCRIPTION}
    # no redirects of slashes: they would lead to any host that the client names, and from https to
    # http behind a proxy that terminates TLS
    app = FastAPIOffline(**about, lifespan=lifespan, redoc_url=None, redirect_slashes=False, telemetry=OFF)
    app.state.bodies = BodyRoom()
    drain = Drain(settings.drain_delay_s, settings.drain_timeout_s)
    app.add_exception_handler(Exception, _render_internal)
    app.add_exception_handler(GatewayError, _render)
    app.add_exception_handler(HTTPException, _render_http)
    app.add_exception_handler(RequestValidationError, _render_validation)
    for route in app.router.routes:
        if isinstance(route, APIRoute) and route.path.startswith("/docs"):
            route.app = DocumentationPage(route.app)
    for routes in ROUTES:
        # not include_router: an included router matches every path a second time
        app.router.routes.extend(routes.router.routes)
    described = app.openapi
    app.openapi = lambda: documentation.completed(described())  # type: ignore[method-assign]  # the framework's documented way
    answering: ASGIApp = observed(Shortcut(Compression(app), app.router.routes, _render, settings.model_aliases))
    if settings.cors_origins:
        answering = cross_origin(answering, settings.cors_origins)
    return Gateway(app, CloseWhileDraining(answering, drain))


def _error(request: Request, status: int, message: str, headers: dict[str, str] | None = None, param: str | None = None) -> Response:
    path = request.scope["path"]
    status = error_status(path, status)
    return Response(orjson.dumps(error_body(path, status, message, param)), status, headers, "application/json")


def _render(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, GatewayError)  # noqa: S101 - the handler is registered for this class
    ctx: RequestContext = request.scope[CONTEXT]
    ctx.error = repr(exc.__cause__ or exc)
    headers = {}
    if exc.retry_after_s is not None:
        headers["Retry-After"] = str(exc.retry_after_s)
    if isinstance(exc, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(exc, TooLarge | TooSlow):
        # the rest of the body is not awaited
        headers["Connection"] = "close"
    return _error(request, exc.status, exc.message, headers, exc.param)


def _render_internal(request: Request, exc: Exception) -> Response:
    return _error(request, 500, INTERNAL_ERROR)


def _render_http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 - the handler is registered for this class
    message = {404: "no such path; see /docs", 405: "this path does not take this method; see /docs"}.get(exc.status_code, exc.detail)
    headers = dict(exc.headers or {})
    if exc.status_code == 405:
        # the router names the methods of the first route with this path only
        same = [route for route in request.app.routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE]
        methods = {method for route in same for method in route.methods or ()}
        headers |= {"Allow": ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))} if same else {}
    return _error(request, exc.status_code, message, headers)


def _render_validation(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 - the handler is registered for this class
    fault = faults_of(exc.errors())[0]
    return _error(request, 422, f"{dotted(fault.known_place)}: {fault.message}")
