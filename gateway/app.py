"""Puts the gateway together: parts, routes, error rendering, start and stop."""

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from importlib.metadata import version
from time import time
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from gateway import logs, metrics, tracing
from gateway.cache.cache import Cache
from gateway.cache.memory_tier import MemoryTier
from gateway.cache.policy import Policies
from gateway.cache.redis_tier import RedisTier
from gateway.catalog_watch import CatalogWatch
from gateway.context import RequestContext
from gateway.dialects.error_body import error_body
from gateway.drain import CloseWhileDraining, Drain
from gateway.endpoints.discovery import Discovery
from gateway.errors import GatewayError, TooLarge, TooSlow, Unauthenticated
from gateway.experiments import Experiments
from gateway.grpc_server.server import serving
from gateway.limiting.limits import QueueLimits
from gateway.observe import CONTEXT, Observe
from gateway.redis_state import RedisState
from gateway.request_life import RequestLife
from gateway.routes import admin_keys, cache, debug, documentation, health, models, open_inference, openai, predict, predict_stream, tei
from gateway.routes.shortcut import Shortcut
from gateway.runtime_settings import Runtime
from gateway.security.authenticator import Authenticator, Sources
from gateway.security.documentation_page import DocumentationPage
from gateway.security.door import Door
from gateway.security.key_store import KeyStore
from gateway.security.ledger import RedisLedger
from gateway.security.principal import Principal
from gateway.security.rate_limiter import RateLimiter
from gateway.security.tls import ClientTls, TritonAccess
from gateway.security.tokens import KeySet, TokenRules, TokenVerifier, fetcher
from gateway.settings import Settings
from gateway.stack import Limits, Stack
from gateway.triton import Triton

log = structlog.get_logger()
OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""`Observe` sees every request; the framework would look for a telemetry of its own at each."""
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
    settings.require_a_way_in()
    experiments, runtime = Experiments(settings.experiments_file), Runtime(settings.runtime_file)
    experiments.read()
    runtime.read()
    tracer = tracing.start(VERSION)
    if not settings.auth:
        log.warning("authentication is off: everyone who reaches this port may ask; HEADRACE_AUTH=keys changes that")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(settings, experiments, runtime, drain) as stack:
            app.state.stack = stack
            tls = settings.tls_cert_file and settings.tls_key_file and (settings.tls_cert_file, settings.tls_key_file)
            address = (settings.host, settings.grpc_port)
            async with serving(app, *address, settings.max_body_bytes, settings.drain_timeout_s, tls or None, tracer):
                yield
        if tracer is not None:
            tracer.close()

    app = FastAPIOffline(title="Headrace", version=VERSION, description=DESCRIPTION, lifespan=lifespan, redoc_url=None, telemetry=OFF)
    drain = Drain(settings.drain_delay_s)
    app.add_middleware(Shortcut, routes=app.router.routes, render=_render)
    app.add_middleware(Observe, tracer=tracer)
    app.add_middleware(CloseWhileDraining, drain=drain)
    app.add_exception_handler(GatewayError, _render)
    app.add_exception_handler(HTTPException, _render_http)
    app.add_exception_handler(RequestValidationError, _render_validation)
    for route in app.router.routes:
        if isinstance(route, APIRoute) and route.path == "/docs":
            route.app = DocumentationPage(route.app)
    for routes in (predict, predict_stream, open_inference, openai, tei, models, cache, health, admin_keys, debug):
        # not include_router: an included router matches every path a second time
        app.router.routes.extend(routes.router.routes)
    described = app.openapi
    app.openapi = lambda: documentation.completed(described())  # type: ignore[method-assign]  # the framework's documented way
    return app


@asynccontextmanager
async def _running(settings: Settings, experiments: Experiments, runtime: Runtime, drain: Drain) -> AsyncIterator[Stack]:
    triton = Triton(
        Discovery.parse(settings.triton_url),
        settings.manifest_public_key,
        _triton_access(settings),
        retry_share=settings.retry_share,
        hedge_percentile=settings.hedge_percentile,
    )
    redis_tls = ClientTls(settings.redis_ca_file, settings.redis_client_cert_file, settings.redis_client_key_file)
    state = None
    if settings.state_url is not None:
        tls = redis_tls.redis_options(settings.state_url)
        state = RedisState(settings.state_url, timeout_s=settings.state_timeout_ms / 1e3, tls=tls)
    cache = _cache(settings, redis_tls)
    catalog = CatalogWatch(triton, settings.catalog_refresh_s)
    life = RequestLife(
        triton,
        cache,
        lambda: catalog.current,
        lambda: experiments.by_model,
        limits=lambda model: _queue_limits(settings, runtime, model),
        refresh_timeout_s=settings.request_timeout_ms / 1e3,
        price_usd_per_hour=settings.price_usd_per_hour,
    )
    keys = None if state is None else KeyStore(state, settings.limits_per_key, settings.limits_per_tenant)
    door, door_watches = _door(settings, state, keys)
    limits = Limits.in_force(settings, runtime)
    stack = Stack(settings, runtime, door, keys, state, catalog, experiments, cache, life, limits, drain, settings.default_models)

    def apply_runtime() -> None:
        logs.set_level(runtime.current.log_level or settings.log_level)
        stack.limits = Limits.in_force(settings, runtime)
        life.reread_limits()

    apply_runtime()
    metrics.WORKERS.set(1)
    metrics.BUILD.labels(VERSION).set(1)
    await asyncio.gather(catalog.read(), cache.read_generations())
    watches = (catalog.watch(), experiments.watch(), runtime.watch(apply_runtime), cache.watch(), life.watch(), *door_watches)
    watchers = [asyncio.create_task(watch) for watch in watches]
    # what start-up made lives as long as the process: walking it in every full collection would stop all requests for tens of milliseconds
    gc.collect()
    gc.freeze()
    try:
        with drain.on_sigterm():
            yield stack
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        await life.aclose()
        await cache.aclose()
        if state is not None:
            await state.aclose()
        await triton.aclose()


def _cache(settings: Settings, tls: ClientTls) -> Cache:
    policies = Policies(settings.cache_policy, settings.cache_policies)
    redis = None
    if settings.cache_url is not None:
        options = tls.redis_options(settings.cache_url)
        redis = RedisTier(settings.cache_url, timeout_s=settings.cache_timeout_ms / 1e3, leases=policies.lease, tls=options)
    memory = MemoryTier(settings.cache_memory_bytes, settings.cache_memory_life_s) if redis and settings.cache_memory_bytes else None
    return Cache(policies, memory=memory, redis=redis, refresh_s=settings.cache_refresh_s)


def _queue_limits(settings: Settings, runtime: Runtime, model: str) -> QueueLimits:
    given = runtime.current.of_model(model)
    return QueueLimits(
        settings.min_pending,
        given.max_pending or settings.max_pending,
        settings.target_latency_ms / 1e3,
        settings.batch_share,
        given.max_in_flight or settings.max_in_flight,
    )


def _door(settings: Settings, state: RedisState | None, keys: KeyStore | None) -> tuple[Door, list[Coroutine[Any, Any, None]]]:
    """The door, and what must go on running for it."""
    limiter = RateLimiter(None if state is None else RedisLedger(state), time)
    if not settings.auth:
        return Door(None, limiter), []
    watches = [limiter.watch()]
    defaults = (settings.limits_per_key, settings.limits_per_tenant)
    fixed, verifier = {}, None
    if "keys" in settings.auth:
        fixed = {
            digest: Principal(digest[:12], key.tenant, key.scopes, key_limits=defaults[0], tenant_limits=defaults[1])
            for digest, key in settings.api_keys.items()
        }
    if "jwt" in settings.auth:
        assert settings.jwt_jwks_url is not None  # noqa: S101 - the settings' own check
        assert settings.jwt_issuer is not None  # noqa: S101
        assert settings.jwt_audience is not None  # noqa: S101
        key_set = KeySet(fetcher(settings.jwt_jwks_url), lambda: authenticator.forget_tokens())
        rules = TokenRules(
            settings.jwt_issuer, settings.jwt_audience, settings.jwt_algorithms, settings.jwt_tenant_claim, settings.jwt_scopes_claim
        )
        verifier = TokenVerifier(key_set, rules, *defaults)
        watches.append(key_set.watch())
    sources = Sources(fixed, keys if "keys" in settings.auth else None, verifier)
    authenticator = Authenticator(sources, refresh_s=settings.key_refresh_s, outage_s=settings.key_outage_s, clock=time)
    return Door(authenticator, limiter), [*watches, authenticator.watch()]


def _triton_access(settings: Settings) -> TritonAccess:
    tls = None
    if settings.triton_tls or settings.triton_ca_file is not None:
        tls = ClientTls(settings.triton_ca_file, settings.triton_client_cert_file, settings.triton_client_key_file)
    return TritonAccess(tls, settings.triton_headers)


def _error(request: Request, status: int, message: str, headers: dict[str, str] | None = None, param: str | None = None) -> Response:
    body = error_body(request.scope["path"], status, message, param)
    return Response(orjson.dumps(body), status, headers, "application/json")


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
        # what is left of the body is not waited for
        headers["Connection"] = "close"
    return _error(request, exc.status, exc.message, headers, exc.param)


def _render_http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101 - the handler is registered for this class
    message = {404: "no such path; see /docs", 405: "this path does not take this method; see /docs"}.get(exc.status_code, exc.detail)
    headers = dict(exc.headers or {})
    if exc.status_code == 405:
        # the router names the methods of the first route with this path only
        same = [route for route in request.app.routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE]
        headers |= {"Allow": ", ".join(sorted({method for route in same for method in route.methods or ()}))} if same else {}
    return _error(request, exc.status_code, message, headers)


def _render_validation(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 - the handler is registered for this class
    fault = exc.errors()[0]
    # a field that is not known has the client's own name, which is not repeated
    names = [str(part) for part in fault["loc"] if fault["type"] != "extra_forbidden" or part is not fault["loc"][-1]]
    return _error(request, 422, f"{'.'.join(names)}: {fault['msg']}")
