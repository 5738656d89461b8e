"""What the routes need, made once at start-up."""

from dataclasses import dataclass

from gateway.authenticate import Authenticator
from gateway.catalog_watch import CatalogWatch
from gateway.experiments import Experiments
from gateway.redis_cache import RedisCache
from gateway.request_life import RequestLife
from gateway.runtime_settings import Runtime
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may ask for; times in seconds."""

    max_body_bytes: int
    max_text_bytes: int
    request_timeout_s: float


@dataclass(slots=True)
class Stack:
    """The parts of a running gateway. `limits` are replaced by others when the runtime settings change."""

    settings: Settings
    runtime: Runtime

    authenticator: Authenticator
    catalog: CatalogWatch
    experiments: Experiments
    cache: RedisCache | None
    life: RequestLife
    limits: Limits
