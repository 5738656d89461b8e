"""What the routes need, made once at start-up."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.cache.cache import Cache
from gateway.catalog_watch import CatalogWatch
from gateway.drain import Drain
from gateway.experiments import Experiments
from gateway.redis_state import RedisState
from gateway.request_life import RequestLife
from gateway.security.door import Door
from gateway.security.key_store import KeyStore
from gateway.security.request_body import BodyLimits


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may ask for; times in seconds."""

    body: BodyLimits
    max_items: int
    max_text_bytes: int
    request_timeout_s: float
    max_request_timeout_s: float
    stream_window: int
    stream_stall_s: float


@dataclass(frozen=True, slots=True)
class Stack:
    """The parts of a running gateway."""

    door: Door
    keys: KeyStore | None
    state: RedisState | None
    catalog: CatalogWatch
    experiments: Experiments
    cache: Cache
    life: RequestLife
    limits: Limits
    drain: Drain
    default_models: Mapping[str, str]

    @property
    def ready(self) -> bool:
        """Whether it can answer, and is not leaving."""
        return self.catalog.loaded and not self.drain.draining
