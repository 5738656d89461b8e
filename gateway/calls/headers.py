"""What the headers of a request say about how it is answered: timeout, unit and its attributes, and
priority. Pure.
"""

import math
import re
from collections.abc import Mapping

import orjson
from pydantic import JsonValue

from gateway.errors import MalformedRequest
from gateway.request.priority import Priority

MAX_UNIT_CHARS = 256
OPENAI_TIMEOUTS = ("x-stainless-read-timeout", "x-stainless-timeout")
"""In which the clients of OpenAI, in Python and JavaScript, say how many seconds they wait."""
UNIT = re.compile(rf"[\x20-\x7e]{{1,{MAX_UNIT_CHARS}}}")
MAX_ATTRIBUTES_BYTES = 4096
_ATTRIBUTES_FORM = 'X-Unit-Attributes: must be a JSON object in UTF-8, such as {"country": "de"}'
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PRIORITIES = {priority.name.lower(): priority for priority in Priority}


def timeout_s(headers: Mapping[str, str]) -> float | None:
    """How many seconds the client waits; None where it does not say.

    Raises:
        MalformedRequest: X-Request-Timeout-Ms is no number above 0.
    """
    given = headers.get("x-request-timeout-ms")
    if given is None:
        for name in OPENAI_TIMEOUTS:
            if name in headers and (seconds := _seconds(headers[name])) is not None:
                return seconds
        return None
    # Python's own float reads more: 1_000, inf and digits of other scripts
    milliseconds = float(given) if _NUMBER.fullmatch(given) else math.nan
    if not 0 < milliseconds < math.inf:
        raise MalformedRequest("X-Request-Timeout-Ms: must be a number of milliseconds above 0")
    return milliseconds / 1e3


def unit(headers: Mapping[str, str]) -> str | None:
    """The unit that X-Unit-ID names; None where it names none.

    Raises:
        MalformedRequest: its name cannot be read.
    """
    given = headers.get("x-unit-id")
    if given is not None and not UNIT.fullmatch(given):
        raise MalformedRequest(f"X-Unit-ID: must be 1 to {MAX_UNIT_CHARS} printable ASCII characters; send a hash of longer ids")
    return given


def attributes(headers: Mapping[str, str]) -> dict[str, JsonValue]:
    """The attributes of the unit, of which conditions of experiments speak, in X-Unit-Attributes.

    Raises:
        MalformedRequest: they cannot be read, or give the unit another id than X-Unit-ID.
    """
    given = headers.get("x-unit-attributes")
    if given is None:
        return {}
    if len(given) > MAX_ATTRIBUTES_BYTES:
        raise MalformedRequest(f"X-Unit-Attributes: must be at most {MAX_ATTRIBUTES_BYTES} bytes; send what conditions ask for only")
    try:
        read = orjson.loads(given.encode("latin-1"))
    except ValueError:
        raise MalformedRequest(_ATTRIBUTES_FORM) from None
    if not isinstance(read, dict):
        raise MalformedRequest(_ATTRIBUTES_FORM)
    if "id" in read and read["id"] != headers.get("x-unit-id"):
        raise MalformedRequest("X-Unit-Attributes: `id` must be what X-Unit-ID says; leave it out, and name the unit there")
    return read


def priority(headers: Mapping[str, str]) -> Priority | None:
    """The priority that X-Priority names; None where it names none.

    Raises:
        MalformedRequest: there is no such priority.
    """
    given = headers.get("x-priority")
    if given is None:
        return None
    if (named := _PRIORITIES.get(given.lower())) is None:
        raise MalformedRequest(f"X-Priority: must be one of {', '.join(_PRIORITIES)}")
    return named


def _seconds(given: str) -> float | None:
    """A client library's own number of seconds; None where it is none."""
    return float(given) if _NUMBER.fullmatch(given) and 0 < float(given) < math.inf else None
