"""What one request may ask for: bytes of its body and its texts, number of items, time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits on a body: bytes, seconds until all of it has come, and levels of JSON."""

    max_bytes: int
    timeout_s: float
    max_depth: int


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may ask for; times in seconds."""

    body: BodyLimits
    max_items: int
    max_text_bytes: int
    request_timeout_s: float
    max_request_timeout_s: float
    stream_window: int
    stream_stall_s: float
