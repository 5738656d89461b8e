"""How much a key or a tenant may ask for: rates with bursts, and quotas for a day (UTC)."""

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Rates and quotas; None means no limit.

    A burst is the most at once after a pause. Where it is not given, it is what the rate gives in
    one second.
    """

    requests_per_s: float | None = None
    requests_burst: float | None = None
    items_per_s: float | None = None
    items_burst: float | None = None
    requests_per_day: float | None = None
    items_per_day: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.given().items():
            if not 0 < value < float("inf"):
                raise ValueError(f"{name}: must be a number above 0")
        for unit in ("requests", "items"):
            if getattr(self, f"{unit}_burst") is not None and getattr(self, f"{unit}_per_s") is None:
                raise ValueError(f"{unit}_burst: means nothing without {unit}_per_s")

    def given(self) -> dict[str, float]:
        """The limits that are set, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def over(self, defaults: "RateLimits") -> "RateLimits":
        """These limits, with `defaults` for rates (and their bursts) and quotas not set here."""
        merged = {name: value for name, value in defaults.given().items() if not name.endswith("_burst")}
        merged |= self.given()
        for unit in ("requests", "items"):
            burst = getattr(defaults, f"{unit}_burst")
            if getattr(self, f"{unit}_per_s") is None and burst is not None:
                merged[f"{unit}_burst"] = burst
        return RateLimits(**merged)


NAMES = tuple(field.name for field in fields(RateLimits))


def parse_rate_limits(text: str) -> RateLimits:
    """Rate limits from `requests_per_s=50,items_per_day=1000000`.

    Raises:
        ValueError: a name is not that of a limit, or a value is not a number above 0.
    """
    values: dict[str, Any] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = entry.partition("=")
        if name not in NAMES:
            raise ValueError(f"give NAME=NUMBER pairs separated by commas, NAME being one of {', '.join(NAMES)}")
        try:
            values[name] = float(value)
        except ValueError:
            raise ValueError(f"{name}: must be a number above 0") from None
    return RateLimits(**values)
