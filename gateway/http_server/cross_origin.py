"""Cross-origin requests (CORS): which pages may ask from a browser, and what they may read."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

READABLE = (
    *("ETag", "Age", "Retry-After", "Server-Timing", "X-Request-ID", "Inference-Header-Content-Length"),
    *("X-Cache", "X-Model-Version", "X-Experiment", "X-Variant", "X-Prediction-ID"),
    *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
)
"""The headers of answers that a page may read beside those that every page may."""
PREFLIGHT_LIFE_S = 600
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def cross_origin(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """An application that pages of these origins may ask; `*`: those of all.

    A page may send any header. It sends its key in one, so cookies are not taken.
    """
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=METHODS, allow_headers=["*"], expose_headers=READABLE, max_age=PREFLIGHT_LIFE_S
    )
