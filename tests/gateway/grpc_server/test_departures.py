import logging

import pytest
import structlog
from grpc._cython.cygrpc import ExecuteBatchError

from gateway.grpc_server import departures

GRPC = logging.getLogger("grpc._cython.cygrpc")


@pytest.fixture
def logged(caplog):
    """What grpc's logger lets through while departures are logged quietly, and our own events."""
    departures.log_quietly()
    with structlog.testing.capture_logs() as events:
        yield caplog, events


def log(error):
    try:
        raise error
    except type(error):
        GRPC.exception("raised by servicer method [/inference.GRPCInferenceService/ModelInfer]")


def test_a_client_that_left_is_a_line_at_level_debug_without_a_traceback(logged):
    grpc_logs, events = logged
    log(ExecuteBatchError("Failed grpc_call_start_batch"))
    assert grpc_logs.records == []
    assert [(event["log_level"], "left" in event["event"], "exc_info" in event) for event in events] == [("debug", True, False)]


def test_other_errors_of_grpc_are_logged_as_ever(logged):
    grpc_logs, events = logged
    log(RuntimeError("broken"))
    assert ([record.levelname for record in grpc_logs.records], events) == (["ERROR"], [])
