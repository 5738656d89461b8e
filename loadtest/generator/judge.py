"""Whether a response holds what was asked for."""

from loadtest.generator.connections import Response
from loadtest.generator.wire import WireRequest
from loadtest.results.outcome import MAX_FAULT_CHARS, Outcome
from loadtest.workload.dialects import Dialect, error_in, fault_in

OK = 200


def judge(dialect: Dialect, request: WireRequest, response: Response, *, is_headrace: bool = True) -> Outcome:
    """The outcome of a request that got a response.

    A 200 that does not hold one prediction for each text is a failure, too. The headers in which
    Headrace says who answered may mean something else at another server.
    """
    fault = ""
    if response.status != OK:
        fault = (error_in(response.content) or f"status {response.status}")[:MAX_FAULT_CHARS]
    else:
        fault = fault_in(dialect, response.content, request.texts, request.output)[:MAX_FAULT_CHARS]
    if not is_headrace:
        return Outcome(response.status, request.model, fault=fault)
    header = response.headers.get
    version, variant, cache = header("X-Model-Version") or "", header("X-Variant") or "", header("X-Cache") or ""
    return Outcome(response.status, request.model, version, variant, cache, fault)
