"""What one request may ask for: bytes of its body and its texts, number of items, time."""

from dataclasses import dataclass
from typing import Final

from gateway.request.json_limits import JsonLimits

MAX_ITEMS: Final = 2**16
"""No setting allows more items in a request, so that no list in a body is without a bound."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits on a body: bytes, seconds until all of it has come, and what its JSON may hold."""

    max_bytes: int
    timeout_s: float
    json: JsonLimits


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may ask for; times in seconds.

    A request that names no timeout has `request_timeout_s`, and `timeout_per_item_s` more for each
    item but the first.
    """

    body: BodyLimits
    max_items: int
    max_text_bytes: int
    request_timeout_s: float
    timeout_per_item_s: float
    max_request_timeout_s: float
    stream_window: int
    stream_stall_s: float
