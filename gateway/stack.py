"""What the routes need, made once at start-up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from gateway.cache.cache import Cache
from gateway.catalog.watch import CatalogWatch
from gateway.experiments.file import Experiments
from gateway.http_server.body import BodyLimits
from gateway.http_server.drain import Drain
from gateway.request_life import RequestLife
from gateway.security.door import Door
from gateway.security.key_store import KeyStore
from gateway.settings.runtime import LimitSettings, Runtime
from gateway.settings.settings import Settings
from gateway.state.redis_state import RedisState


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

    @classmethod
    def in_force(cls, settings: Settings, runtime: Runtime) -> Self:
        """What the settings say, but for what the runtime settings say."""
        now = settings.model_dump(include=set(LimitSettings.model_fields)) | runtime.current.limits.given()
        return cls(
            BodyLimits(now["max_body_bytes"], settings.body_timeout_s, settings.max_json_depth),
            now["max_items"],
            now["max_text_bytes"],
            now["request_timeout_ms"] / 1e3,
            now["max_request_timeout_ms"] / 1e3,
            settings.stream_window,
            settings.stream_stall_s,
        )


@dataclass(slots=True)
class Stack:
    """The parts of a running gateway. `limits` are replaced by others when the runtime settings change."""

    settings: Settings
    runtime: Runtime
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
