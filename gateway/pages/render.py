"""Templates and how values are written in them."""

import math
from datetime import UTC, datetime
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

UNKNOWN = "–"


def _templates() -> Environment:
    """They escape what they are given, and fail on a name that they are not given."""
    environment = Environment(
        loader=PackageLoader("gateway.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "percent": percent, "lift": lift, "when": when, "pretty": pretty, "count": count}
    return environment


def render(template: str, **values: Any) -> str:
    """A page of the template with this name, without its ending."""
    return _ENVIRONMENT.get_template(f"{template}.html.j2").render(**values)


def number(value: float | None) -> str:
    """Four digits: `0.1234`."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:,.4g}"


def count(value: float | None) -> str:
    """A whole number: `14,210`."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """A share: `12.5 %`."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{100 * value:.4g} %"


def lift(value: float | None) -> str:
    """A share with its sign: `+2.1 %`."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{100 * value:+.1f} %"


def when(at: float | None) -> str:
    """A time in UTC, of seconds since 1970."""
    return UNKNOWN if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def pretty(value: Any) -> str:
    """JSON with indents."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


_ENVIRONMENT = _templates()
