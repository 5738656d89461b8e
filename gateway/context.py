"""The one context of a request: filled in by the stages, read by the final phase that logs and measures."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter

from gateway.security.principal import ANONYMOUS, Principal


@dataclass(slots=True)
class RequestContext:
    """What is known of a request. Times are of `time.perf_counter`, in seconds; `cache` is the value of `X-Cache`.

    `headers` are the request's, by lower-case name; of a repeated one the last. `rate_limit` gives
    the `x-ratelimit-*` headers as they stand when the answer begins. `cache_bypass` says that the experiment wants this request
    computed, whatever is cached.
    """

    request_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    started: float = field(default_factory=perf_counter)
    tenant: str = ""
    principal: Principal = ANONYMOUS
    rate_limit: Callable[[], Iterable[tuple[bytes, bytes]]] = tuple
    model: str = ""
    version: int | None = None
    experiment: str = ""
    variant: str = ""
    cache: str = ""
    cache_bypass: bool = False
    instances: int = 0
    error: str = ""
    stages_s: dict[str, float] = field(default_factory=dict)
    _lap: float = 0.0

    def lap(self, stage: str) -> None:
        """Book the time since the last lap (or the start) on `stage`."""
        now = perf_counter()
        self.stages_s[stage] = now - (self._lap or self.started)
        self._lap = now

    def server_timing(self) -> str:
        """The stages as a `Server-Timing` header, milliseconds."""
        return ", ".join(f"{stage};dur={seconds * 1e3:.2f}" for stage, seconds in self.stages_s.items())
