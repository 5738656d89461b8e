"""What a request's `Cache-Control` asks for (RFC 9111, section 5.2.1, and RFC 5861). Pure."""

from dataclasses import dataclass
from functools import lru_cache
from math import inf


@dataclass(frozen=True, slots=True)
class Directives:
    """The directives of one request; times in seconds.

    With `no-cache` nothing is looked up; with `no-store` nothing is looked up or stored.
    `max_age_s` and `min_fresh_s` refuse entries that could be used otherwise, and a stale response
    unless `max_stale_s` allows it. `stale_if_error_s` lowers the model's own bound.
    """

    look_up: bool = True
    store: bool = True
    only_if_cached: bool = False
    max_age_s: float = inf
    min_fresh_s: float = 0.0
    max_stale_s: float | None = None
    stale_if_error_s: float = inf

    @property
    def names_ages(self) -> bool:
        """Whether the client says how old a response may be; a stale one then needs its leave."""
        return self.max_age_s != inf or self.min_fresh_s > 0


NONE = Directives()


@lru_cache(maxsize=512)
def parse(header: str) -> Directives:
    """Read the header; unknown directives are ignored, and a number that cannot be read is 0."""
    given: dict[str, str | None] = {}
    for part in header.split(","):
        name, separator, value = part.strip().partition("=")
        given[name.strip().lower()] = value.strip().strip('"') if separator else None
    no_store = "no-store" in given
    return Directives(
        look_up=not (no_store or "no-cache" in given),
        store=not no_store,
        only_if_cached="only-if-cached" in given,
        max_age_s=_seconds(given["max-age"]) if "max-age" in given else inf,
        min_fresh_s=_seconds(given["min-fresh"]) if "min-fresh" in given else 0.0,
        max_stale_s=(inf if given["max-stale"] is None else _seconds(given["max-stale"])) if "max-stale" in given else None,
        stale_if_error_s=_seconds(given["stale-if-error"]) if "stale-if-error" in given else inf,
    )


def _seconds(value: str | None) -> float:
    return float(value) if value is not None and value.isascii() and value.isdecimal() else 0.0
