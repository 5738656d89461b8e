"""The parts of a running gateway: made from the settings, watched, and closed at the end."""

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from time import time

from gateway.cache.cache import Cache
from gateway.cache.memory_tier import MemoryTier
from gateway.cache.policy import Policies
from gateway.cache.redis_tier import RedisTier
from gateway.catalog.watch import CatalogWatch
from gateway.concurrency import watches
from gateway.concurrency.ending import end
from gateway.concurrency.watches import Watch
from gateway.evaluation.leader import Leader
from gateway.experiments.control import ControlPlane
from gateway.experiments.earlier_units import NOBODY_KNOWN
from gateway.experiments.file import FileExperiments
from gateway.experiments.in_force import ExperimentsInForce
from gateway.experiments.kept import KeptCopy
from gateway.experiments.store import ExperimentStore
from gateway.experiments.watch import StateExperiments
from gateway.files.watched import Watched
from gateway.http_server.drain import Drain
from gateway.lanes import Lanes
from gateway.measurement.exposures import Exposures
from gateway.measurement.forget import forget_epoch
from gateway.measurement.known_units import KnownFromState
from gateway.measurement.layouts import KnownLayouts
from gateway.measurement.outcomes import Outcomes
from gateway.observability import logs
from gateway.observability.tracing import TraceCall, Tracer, untraced
from gateway.request.context import RequestContext
from gateway.request.prediction import Prediction, PredictionRequest
from gateway.request.principal import Principal
from gateway.request_life import RequestLife
from gateway.security.authenticator import Authenticator, Sources
from gateway.security.door import Door
from gateway.security.key_set_fetch import fetcher
from gateway.security.key_store import KeyStore
from gateway.security.rate_limiting.ledger import RedisLedger
from gateway.security.rate_limiting.rate_limiter import RateLimiter
from gateway.security.sessions import Sessions
from gateway.security.tls import ClientTls
from gateway.security.tokens import KeySet, TokenVerifier
from gateway.security.unguarded import Unguarded
from gateway.settings.in_force import queue_limits, request_limits
from gateway.settings.runtime import Runtime
from gateway.settings.settings import Settings
from gateway.settings.shown import shown
from gateway.shadow.shadows import Shadows
from gateway.stack import Stack
from gateway.state.redis_state import RedisState
from gateway.state.state import State
from gateway.triton.access import TritonAccess
from gateway.triton.client import Triton
from gateway.triton.endpoints.discovery import Discovery
from gateway.triton.model_server import ModelServer

VERSION = version("headrace")
STATE_CHECK_S = 30.0


@asynccontextmanager
async def running(
    settings: Settings,
    experiments: Watched[FileExperiments],
    runtime: Runtime,
    drain: Drain,
    *,
    tracer: Tracer | None = None,
    triton: ModelServer | None = None,
    state: State | None = None,
) -> AsyncIterator[Stack]:
    """The stack of a running gateway.

    Its watches run until the end. What was opened is then closed, the last first. `triton` and
    `state` stand in place of the Triton and the state that the settings name.
    """
    async with AsyncExitStack() as closing:
        if triton is None:
            triton = _triton(settings, untraced if tracer is None else tracer.call)
        closing.push_async_callback(triton.aclose)
        redis_tls = ClientTls(settings.redis_ca_file, settings.redis_client_cert_file, settings.redis_client_key_file)
        if state is None:
            state = _state(settings, redis_tls)
        if state is not None:
            closing.push_async_callback(state.aclose)
        cache = _cache(settings, redis_tls)
        closing.push_async_callback(cache.aclose)
        store = None if state is None else ExperimentStore(state, time, may_lose_writes=settings.state_may_lose_writes)
        kept = KeptCopy(settings.experiments_kept_file if settings.state_url else None, str(settings.state_url))
        state_experiments = StateExperiments(store, kept)
        known = None if state is None else KnownFromState(state, lambda: state_experiments.current)
        in_force = ExperimentsInForce(experiments, state_experiments, known or NOBODY_KNOWN)
        layouts = KnownLayouts(lambda: in_force.current.measured)
        exposures = None if state is None else Exposures(state, layouts.of, secrets.token_hex(8))
        outcomes = None if state is None else Outcomes(state, layouts.all)
        if exposures is not None:
            closing.push_async_callback(exposures.flush)
        leader = None
        if state is not None and store is not None:
            leader = Leader(state, store, secrets.token_hex(), time, lambda: experiments.current.definitions)
            closing.push_async_callback(leader.give_up)
        catalog = CatalogWatch(
            triton.catalog, settings.catalog_refresh_s, settings.model_aliases, lambda: state_experiments.current.defaults
        )
        lanes = Lanes(
            triton,
            lambda: catalog.current,
            lambda model: queue_limits(settings, runtime, model),
            settings.price_usd_per_hour,
        )
        refresh_timeout_s = settings.request_timeout_ms / 1e3
        life = RequestLife(lambda: catalog.current, lambda: in_force.current.by_model, cache, lanes, refresh_timeout_s=refresh_timeout_s)
        closing.push_async_callback(life.aclose)
        shadows = None
        if state is not None and exposures is not None:
            shadows = Shadows(lambda: in_force.current.shadows, partial(_predict, life, lanes), lanes.is_busy, state, exposures.compared)
            closing.push_async_callback(shadows.flush)
        keys = None if state is None else KeyStore(state, settings.limits_per_key, settings.limits_per_tenant)
        door, door_watches = _door(settings, state, keys)
        stack = Stack(
            settings=shown(settings),
            runtime=runtime,
            door=door,
            keys=keys,
            state=state,
            catalog=catalog,
            experiments=in_force,
            control=ControlPlane(
                experiments,
                state_experiments,
                store,
                lambda model: catalog.current.model(model).default,
                None if state is None else lambda definition, epoch: forget_epoch(state, time(), definition, epoch),
            ),
            unguarded=Unguarded(settings.host, settings.cors_origins),
            sessions=Sessions(state, settings.api_keys.get_secret_value()),
            cache=cache,
            life=life,
            lanes=lanes,
            request_limits=request_limits(settings, runtime),
            drain=drain,
            default_models=settings.default_models,
            exposures=exposures,
            outcomes=outcomes,
            taps=() if shadows is None else (shadows,),
        )

        def apply_runtime() -> None:
            logs.set_level(runtime.current.log_level or settings.log_level)
            stack.request_limits = request_limits(settings, runtime)
            lanes.reread_queue_limits()

        apply_runtime()
        await asyncio.gather(catalog.read(), cache.deletions.read(), state_experiments.start(), *([state.check()] if state else []))
        if known is not None:
            await known.read()
        watchers = watches.start(
            [
                *door_watches,
                catalog.watch,
                experiments.watch,
                state_experiments.watch,
                partial(runtime.watch, apply_runtime),
                cache.deletions.watch,
                lanes.watch,
                *([known.watch] if known else []),
                *([exposures.watch] if exposures else []),
                *([leader.watch] if leader else []),
                *([shadows.work, shadows.watch] if shadows else []),
                partial(_check_state, state),
            ]
        )
        closing.push_async_callback(end, watchers)
        # the objects of start-up live as long as the process: a full collection that traversed them
        # would stop all requests for tens of milliseconds
        gc.collect()
        gc.freeze()
        with drain.on_sigterm():
            yield stack


async def _predict(
    life: RequestLife, lanes: Lanes, model: str, version: int, request: PredictionRequest, ctx: RequestContext
) -> Prediction:
    return await life.predict(lanes.of(model, version), request, ctx)


def _triton(settings: Settings, trace: TraceCall) -> Triton:
    tls = None
    if settings.triton_tls or settings.triton_ca_file is not None:
        tls = ClientTls(settings.triton_ca_file, settings.triton_client_cert_file, settings.triton_client_key_file)
    return Triton(
        Discovery.parse(settings.triton_url),
        settings.manifest_public_key,
        TritonAccess(tls, settings.triton_headers.get_secret_value()),
        retry_share=settings.retry_share,
        hedge_percentile=settings.hedge_percentile,
        trace=trace,
    )


def _state(settings: Settings, tls: ClientTls) -> RedisState | None:
    if settings.state_url is None:
        return None
    url = settings.state_url.get_secret_value()
    options = tls.redis_options(url)
    cache_url = None if settings.cache_url is None else settings.cache_url.get_secret_value()
    return RedisState(url, timeout_s=settings.state_timeout_ms / 1e3, tls=options, cache_url=cache_url)


async def _check_state(state: State | None) -> None:
    """Check now and then that the server is fit for state: it may be another one by now."""
    while state is not None:
        await asyncio.sleep(STATE_CHECK_S)
        await state.check()


def _cache(settings: Settings, tls: ClientTls) -> Cache:
    policies = Policies(settings.cache_policy, settings.cache_policies)
    redis = None
    if settings.cache_url is not None:
        url = settings.cache_url.get_secret_value()
        options = tls.redis_options(url)
        redis = RedisTier(url, timeout_s=settings.cache_timeout_ms / 1e3, leases=policies.uses_leases, tls=options)
    memory = MemoryTier(settings.cache_memory_bytes, settings.cache_memory_life_s) if redis and settings.cache_memory_bytes else None
    return Cache(policies, memory=memory, redis=redis, refresh_s=settings.cache_refresh_s)


def _door(settings: Settings, state: State | None, keys: KeyStore | None) -> tuple[Door, list[Watch]]:
    """The door, and the watches that it needs."""
    limiter = RateLimiter(None if state is None else RedisLedger(state), time)
    if not settings.auth:
        return Door(None, limiter), []
    watched: list[Watch] = [limiter.watch]
    key_set, verifier = None, None
    if settings.token_issuer is not None:
        url, rules = settings.token_issuer
        key_set = KeySet(fetcher(url))
        verifier = TokenVerifier(key_set, rules, settings.limits_per_key, settings.limits_per_tenant)
    by_key = "keys" in settings.auth
    sources = Sources(_fixed_principals(settings) if by_key else {}, keys if by_key else None, verifier, keys)
    authenticator = Authenticator(sources, refresh_s=settings.key_refresh_s, outage_s=settings.key_outage_s, clock=time)
    watched.append(authenticator.watch)
    if key_set is not None:
        key_set.on_change(authenticator.forget_tokens)
        watched.append(key_set.watch)
    return Door(authenticator, limiter), watched


def _fixed_principals(settings: Settings) -> dict[str, Principal]:
    """The principals whose keys are in the settings, by the sha256 of the key."""
    per_key, per_tenant = settings.limits_per_key, settings.limits_per_tenant
    return {
        digest: Principal(digest[:12], key.tenant, key.scopes, key_limits=per_key, tenant_limits=per_tenant)
        for digest, key in settings.api_keys.get_secret_value().items()
    }
