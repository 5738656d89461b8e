"""Structured logs: one JSON object a line on standard output.

Our own events, those of libraries and Python's warnings have the same form. The level can change at
any time: it is that of the standard library's logger `headrace`, which our own events check too.
"""

import asyncio
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

from gateway.observability.output import Output

_OURS = logging.getLogger("headrace")
_SERVER = logging.getLogger("uvicorn.error")
_OUTPUT = Output(sys.stdout.buffer)
_PID = os.getpid()
_AS_UTC_Z = orjson.OPT_UTC_Z
_lines: list[bytes] = []


def configure(level: str) -> None:
    """Write to standard output our events from `level` on, and those of libraries from warning on.

    The server's events about its start and stop are written too.
    """
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, _OUTPUT)),
        cache_logger_on_first_use=True,
    )
    library = logging.StreamHandler(_OUTPUT)
    library.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_ENDS],
            processors=[ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer(serializer=_serialize_str)],
        )
    )
    root = logging.getLogger()
    root.handlers = [library]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    set_level(level)


def configure_for_terminal() -> None:
    """Write our events to standard error, for commands whose output other programs read."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def write_request(line: dict[str, Any]) -> None:
    """Write the line of a request in the same form as all other lines; it gets the fields of all.

    It bypasses structlog's processors, which would cost more than the line itself. The lines of
    requests that end in one turn of the event loop are written together, since a write costs as
    much as a line.
    """
    line["event"], line["level"], line["timestamp"], line["pid"] = "request", "info", datetime.now(UTC), _PID
    if not _lines:
        asyncio.get_running_loop().call_soon(_write_lines)
    _lines.append(orjson.dumps(line, default=repr, option=_AS_UTC_Z))


def _write_lines() -> None:
    _lines.append(b"")  # the last line ends, too
    lines = b"\n".join(_lines)
    _lines.clear()
    _OUTPUT.write_and_flush(lines)


def set_level(level: str) -> None:
    """Log from `level` on: debug, info, warning or error."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    _OURS.setLevel(threshold)
    _SERVER.setLevel(threshold)


def requests_are_logged() -> bool:
    """Whether the lines of requests, which are events at level info, are written."""
    return _OURS.isEnabledFor(logging.INFO)


def _add_pid(_logger: Any, _method: str, event: EventDict) -> EventDict:
    event["pid"] = _PID
    return event


def _drop_below_level(_logger: Any, method: str, event: EventDict) -> EventDict:
    if not _OURS.isEnabledFor(structlog.processors.NAME_TO_LEVEL[method]):
        raise structlog.DropEvent
    return event


def _serialize(event: dict[str, Any], **_: Any) -> bytes:
    return orjson.dumps(event, default=repr)


def _serialize_str(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=repr).decode()


_ENDS: list[Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _add_pid,
    structlog.processors.format_exc_info,
]
# one list for good: loggers keep the one with which they were first used
_PROCESSORS: list[Processor] = [_drop_below_level, *_ENDS, structlog.processors.JSONRenderer(serializer=_serialize)]
