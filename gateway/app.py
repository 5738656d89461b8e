"""Puts the gateway together: parts, routes, error rendering, start and stop."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from gateway import logs, metrics, tracing
from gateway.authenticate import Authenticator
from gateway.catalog_watch import CatalogWatch
from gateway.context import RequestContext
from gateway.errors import GatewayError, Unauthenticated
from gateway.experiments import Experiments
from gateway.observe import CONTEXT, Observe
from gateway.redis_cache import RedisCache
from gateway.request_life import ModelLimits, RequestLife
from gateway.routes import debug, documentation, health, models, predict
from gateway.runtime_settings import LimitSettings, Runtime
from gateway.settings import Settings
from gateway.stack import Limits, Stack
from gateway.triton import Triton

VERSION = version("headrace")
DESCRIPTION = "Fine-tuned models at high throughput: a response cache and A/B splits in front of NVIDIA Triton."


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application; settings come from the environment unless given.

    Raises:
        SettingsError: a setting cannot be used.
        ExperimentsError: the experiments file cannot be used at start-up.
        RuntimeSettingsError: the file of runtime settings cannot be used at start-up.
        TracingError: traces are asked for by a variable that cannot be used.
    """
    settings = settings or Settings.read()
    logs.configure(settings.log_level)
    experiments, runtime = Experiments(settings.experiments_file), Runtime(settings.runtime_file)
    experiments.read()
    runtime.read()
    tracer = tracing.start(VERSION)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(settings, experiments, runtime) as stack:
            app.state.stack = stack
            yield
        if tracer is not None:
            tracer.close()

    app = FastAPIOffline(title="Headrace", version=VERSION, description=DESCRIPTION, lifespan=lifespan, redoc_url=None)
    app.add_middleware(Observe, tracer=tracer)
    app.add_exception_handler(GatewayError, _render)
    app.add_exception_handler(HTTPException, _render_http)
    app.add_exception_handler(RequestValidationError, _render_validation)
    for routes in (predict, models, health, debug):
        # not include_router: an included router matches every path a second time
        app.router.routes.extend(routes.router.routes)
    described = app.openapi
    app.openapi = lambda: documentation.completed(described())  # type: ignore[method-assign]  # the framework's documented way
    return app


@asynccontextmanager
async def _running(settings: Settings, experiments: Experiments, runtime: Runtime) -> AsyncIterator[Stack]:
    triton = Triton(settings.triton_url, settings.manifest_public_key)
    cache = None
    if settings.cache_url is not None:
        cache = RedisCache(
            settings.cache_url,
            ttl_s=settings.cache_ttl_s,
            ttl_jitter=settings.cache_ttl_jitter,
            timeout_s=settings.cache_timeout_ms / 1e3,
        )
    catalog = CatalogWatch(triton, settings.catalog_refresh_s)
    life = RequestLife(
        triton,
        cache,
        lambda: catalog.current,
        lambda: experiments.by_model,
        model_limits=lambda model: _model_limits(settings, runtime, model),
    )
    stack = Stack(settings, runtime, Authenticator(settings.api_keys), catalog, experiments, cache, life, _limits(settings, runtime))

    def apply_runtime() -> None:
        logs.set_level(runtime.current.log_level or settings.log_level)
        stack.limits = _limits(settings, runtime)
        life.reread_limits()

    apply_runtime()
    metrics.WORKERS.set(1)
    metrics.BUILD.labels(VERSION).set(1)
    await catalog.read()
    watchers = [asyncio.create_task(watch) for watch in (catalog.watch(), experiments.watch(), runtime.watch(apply_runtime))]
    # what start-up made lives as long as the process: walking it in every full collection would stop all requests for tens of milliseconds
    gc.collect()
    gc.freeze()
    try:
        yield stack
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        if cache is not None:
            await cache.aclose()
        await triton.aclose()


def _limits(settings: Settings, runtime: Runtime) -> Limits:
    given = settings.model_dump(include=set(LimitSettings.model_fields)) | runtime.current.limits.given()
    return Limits(given["max_body_bytes"], given["max_text_bytes"], given["request_timeout_ms"] / 1e3)


def _model_limits(settings: Settings, runtime: Runtime, model: str) -> ModelLimits:
    given = runtime.current.of_model(model)
    return ModelLimits(given.max_pending or settings.max_pending, given.max_in_flight or settings.max_in_flight)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps({"error": message}), status, headers, "application/json")


def _render(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, GatewayError)  # noqa: S101 - the handler is registered for this class
    ctx: RequestContext = request.scope[CONTEXT]
    ctx.error = repr(exc.__cause__ or exc)
    headers = {}
    if exc.retry_after_s is not None:
        headers["Retry-After"] = str(exc.retry_after_s)
    if isinstance(exc, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return _error(exc.status, exc.message, headers)


def _render_http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 - the handler is registered for this class
    message = {404: "no such path; see /docs", 405: "this path does not take this method; see /docs"}.get(exc.status_code, exc.detail)
    return _error(exc.status_code, message, dict(exc.headers or {}))


def _render_validation(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 - the handler is registered for this class
    fault = exc.errors()[0]
    return _error(422, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}")
