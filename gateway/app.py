"""Puts the gateway together: parts, routes, error rendering, start and stop."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from gateway import logs
from gateway.authenticate import Authenticator
from gateway.cache.cache import Cache
from gateway.cache.memory_tier import MemoryTier
from gateway.cache.policy import Policies
from gateway.cache.redis_tier import RedisTier
from gateway.catalog_watch import CatalogWatch
from gateway.context import RequestContext
from gateway.errors import GatewayError, Unauthenticated
from gateway.experiments import Experiments
from gateway.observe import CONTEXT, Observe
from gateway.request_life import RequestLife
from gateway.routes import cache, health, models, predict
from gateway.routes.shortcut import Shortcut
from gateway.settings import Settings
from gateway.stack import Limits, Stack
from gateway.triton import Triton

OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""`Observe` sees every request; the framework would look for a telemetry of its own at each."""
DESCRIPTION = "Fine-tuned models at high throughput: a response cache and A/B splits in front of NVIDIA Triton."


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application; settings come from the environment unless given.

    Raises:
        SettingsError: a setting cannot be used.
        ExperimentsError: the experiments file cannot be used at start-up.
    """
    settings = settings or Settings.read()
    logs.configure(settings.log_level)
    experiments = Experiments(settings.experiments_file)
    experiments.read()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(settings, experiments) as stack:
            app.state.stack = stack
            yield

    app = FastAPIOffline(title="Headrace", description=DESCRIPTION, lifespan=lifespan, redoc_url=None, telemetry=OFF)
    app.add_middleware(Shortcut, routes=app.router.routes, render=_render)
    app.add_middleware(Observe)
    app.add_exception_handler(GatewayError, _render)
    app.add_exception_handler(HTTPException, _render_http)
    app.add_exception_handler(RequestValidationError, _render_validation)
    for routes in (predict, models, cache, health):
        # not include_router: an included router matches every path a second time
        app.router.routes.extend(routes.router.routes)
    return app


@asynccontextmanager
async def _running(settings: Settings, experiments: Experiments) -> AsyncIterator[Stack]:
    triton = Triton(settings.triton_url, settings.manifest_public_key)
    cache = _cache(settings)
    catalog = CatalogWatch(triton, settings.catalog_refresh_s)
    life = RequestLife(
        triton,
        cache,
        lambda: catalog.current,
        lambda: experiments.by_model,
        max_pending=settings.max_pending,
        max_in_flight=settings.max_in_flight,
        refresh_timeout_s=settings.request_timeout_ms / 1e3,
        price_usd_per_hour=settings.price_usd_per_hour,
    )
    limits = Limits(settings.max_body_bytes, settings.max_text_bytes, settings.request_timeout_ms / 1e3)
    await asyncio.gather(catalog.read(), cache.read_generations())
    endless = (catalog.watch(), experiments.watch(), cache.watch(), life.watch())
    watchers = [asyncio.create_task(watch) for watch in endless]
    # what start-up made lives as long as the process: walking it in every full collection would stop all requests for tens of milliseconds
    gc.collect()
    gc.freeze()
    try:
        yield Stack(Authenticator(settings.api_keys), catalog, experiments, cache, life, limits)
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        await life.aclose()
        await cache.aclose()
        await triton.aclose()


def _cache(settings: Settings) -> Cache:
    policies = Policies(settings.cache_policy, settings.cache_policies)
    redis = None
    if settings.cache_url is not None:
        redis = RedisTier(settings.cache_url, timeout_s=settings.cache_timeout_ms / 1e3, leases=policies.lease)
    memory = MemoryTier(settings.cache_memory_bytes, settings.cache_memory_life_s) if redis and settings.cache_memory_bytes else None
    return Cache(policies, memory=memory, redis=redis, refresh_s=settings.cache_refresh_s)


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
