"""What the routes need, made once at start-up."""

from dataclasses import dataclass

from gateway.authenticate import Authenticator
from gateway.cache.cache import Cache
from gateway.catalog_watch import CatalogWatch
from gateway.experiments import Experiments
from gateway.request_life import RequestLife


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may ask for; times in seconds."""

    max_body_bytes: int
    max_text_bytes: int
    request_timeout_s: float


@dataclass(frozen=True, slots=True)
class Stack:
    """The parts of a running gateway."""

    authenticator: Authenticator
    catalog: CatalogWatch
    experiments: Experiments
    cache: Cache
    life: RequestLife
    limits: Limits
