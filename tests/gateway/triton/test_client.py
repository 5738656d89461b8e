"""Triton's error responses as errors of ours; a real Triton is tested to use these words."""

import pytest

from gateway.errors import BackendBroken, DeadlineExceeded, NotReady, Overloaded, Unreachable
from gateway.triton.endpoint_client import fault_of
from gateway.triton.http1 import Response


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (503, "[request id: <id_unknown>] Exceeds maximum queue size", Overloaded),
        (503, "Request timeout expired", DeadlineExceeded),
        (400, "Request for unknown model: 'topics' version 1 is not at ready state", NotReady),
        (404, "Request for unknown model: 'topics' is not found", NotReady),
        (503, "Server not ready", Unreachable),
        (400, "unexpected inference input 'X' for model 'topics'", BackendBroken),
        (500, "secret detail", BackendBroken),
    ],
)
def test_an_error_response_becomes_an_error_of_ours_without_foreign_text(status, reason, error):
    fault = fault_of(Response(status, {}, b'{"error":"%s"}' % reason.encode()))
    assert type(fault) is error
    assert reason not in fault.message
