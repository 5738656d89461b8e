"""Structured logs: one JSON object a line on standard output."""

import logging
import sys
from typing import Any

import orjson
import structlog


def configure(level: str) -> None:
    """Send our events, and the warnings of libraries, to standard output from `level` on."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_serialize),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stdout, format='{"event": "%(message)s", "level": "%(levelname)s", "logger": "%(name)s"}'
    )


def _serialize(event: dict[str, Any], **_: Any) -> bytes:
    return orjson.dumps(event, default=repr)
