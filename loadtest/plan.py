"""What a load test is asked to do, and the bounds of each figure."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MAX_BATCH_SIZE = 64


class PlanError(ValueError):
    """A load test that cannot be run as asked; the message names the argument and its bounds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One load test: a closed loop of `users` for `duration_s` seconds, each sending its next request as soon as it has its answer.

    `repeat` is the share of texts drawn from a warm pool (they should hit the cache); the others are unique. `units` is the size of
    the population that `X-Unit-ID` is drawn from. Two plans with equal `seed` and `salt` send the same requests in the same order;
    a salt that the server has not seen keeps unique texts out of its cache.
    """

    url: str
    model: str
    users: int
    duration_s: float
    corpus: Path
    repeat: float = 0.3
    batch_size: int = 1
    units: int = 10_000
    seed: int = 1
    salt: str = ""
    version: int | None = None
    timeout_s: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bounds = {
            "users": (self.users >= 1, "at least 1"),
            "duration": (0 < self.duration_s < math.inf, "more than 0 seconds"),
            "repeat": (0 <= self.repeat <= 1, "between 0 and 1"),
            "batch-size": (1 <= self.batch_size <= MAX_BATCH_SIZE, f"between 1 and {MAX_BATCH_SIZE}"),
            "units": (self.units >= 1, "at least 1"),
            "version": (self.version is None or self.version >= 1, "at least 1"),
            "timeout": (0 < self.timeout_s < math.inf, "more than 0 seconds"),
        }
        for name, (holds, bound) in bounds.items():
            if not holds:
                raise PlanError(f"--{name} must be {bound}")
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise PlanError(f"--url must be like http://HOST:PORT, not {self.url!r}")
        if "@" in parts.netloc:
            raise PlanError("--url must not hold a password: give it with --header")

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON values; `from_dict` reads them back."""
        return {**asdict(self), "corpus": str(self.corpus), "headers": dict(self.headers)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Plan":
        """The plan that `to_dict` wrote."""
        return cls(**{**values, "corpus": Path(values["corpus"])})
