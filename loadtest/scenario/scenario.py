"""What a load test is asked to do, and the bounds of each figure."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from loadtest.scenario import fields as scenario_fields
from loadtest.scenario.loop import ClosedLoop, Loop
from loadtest.workload.server import DETECT, SERVERS
from loadtest.workload.workload import Workload


class ScenarioError(ValueError):
    """A load test that cannot be run as asked; the message names the field and its bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One load test.

    `workers` processes send `workload` to the `server` at `url` in an open or closed `loop` for
    `duration_s` seconds. `headers` are sent with every request.

    Two scenarios with equal `seed` and `salt` send the same requests, whatever the number of
    workers. A salt that the server has not seen keeps unique texts from being in its cache.
    """

    url: str
    loop: Loop
    workload: Workload
    duration_s: float
    workers: int = 1
    seed: int = 1
    salt: str = ""
    timeout_s: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict)
    server: str = DETECT

    def __post_init__(self) -> None:
        bounds = {
            "duration": (0 < self.duration_s < math.inf, "more than 0 seconds"),
            "workers": (self.workers >= 1, "at least 1"),
            "server": (self.server in SERVERS, f"one of {', '.join(SERVERS)}"),
            "timeout": (0 < self.timeout_s < math.inf, "more than 0 seconds"),
        }
        if isinstance(self.loop, ClosedLoop):
            bounds["users"] = (self.loop.users >= self.workers, "at least as many as workers")
        for name, (holds, bound) in bounds.items():
            if not holds:
                raise ScenarioError(f"{name} must be {bound}")
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ScenarioError(f"url must be like http://HOST:PORT, not {self.url!r}")
        if "@" in parts.netloc:
            raise ScenarioError("url must not hold a password: give it as a header")

    def to_dict(self) -> dict[str, Any]:
        """The scenario as JSON values; `from_dict` reads them back."""
        values: dict[str, Any] = scenario_fields.plain({**asdict(self), "loop": scenario_fields.loop_to_dict(self.loop)})
        return values

    def without_headers(self) -> "Scenario":
        """The scenario without its headers, which may hold keys."""
        return replace(self, headers={})

    def offered(self) -> dict[str, Any]:
        """The scenario as JSON values without its headers, as reports have it."""
        values = self.to_dict()
        del values["headers"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Scenario":
        """The scenario that `to_dict` wrote, or that a person wrote likewise.

        Raises:
            ScenarioError: a field is missing, unknown, or has a value that it cannot have; the
                message names it.
        """
        try:
            return scenario_fields.build(cls, values, "")
        except ValueError as exc:
            raise ScenarioError(str(exc)) from exc
