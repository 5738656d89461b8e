"""A client that leaves at a bad moment is no error of ours, and grpc logs it as one.

Between the client's leaving and grpc's learning of it, sending fails with `ExecuteBatchError`,
which grpc logs with a traceback (grpc/grpc#31570).
"""

import logging

import structlog

log = structlog.get_logger()
_LOGGER = logging.getLogger("grpc._cython.cygrpc")
_FAULT = "ExecuteBatchError"


def log_quietly() -> None:
    """Write departures as lines at level debug, without tracebacks."""
    if _passes not in _LOGGER.filters:
        _LOGGER.addFilter(_passes)


def _passes(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if type(error).__name__ != _FAULT:
        return True
    log.debug("a gRPC client left before its answer was sent", reason=record.getMessage())
    return False
