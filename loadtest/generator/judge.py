"""Whether a response holds what was asked for."""

from loadtest.generator.connections import Response
from loadtest.generator.wire import WireRequest
from loadtest.results.outcome import MAX_FAULT_CHARS, Outcome
from loadtest.workload.dialects import Dialect, count_answers, error_in

OK = 200


def judge(dialect: Dialect, request: WireRequest, response: Response) -> Outcome:
    """The outcome of a request that got a response.

    A 200 that does not hold one prediction for each text is a failure, too.
    """
    fault = ""
    if response.status != OK:
        fault = (error_in(response.content) or f"status {response.status}")[:MAX_FAULT_CHARS]
    elif count_answers(dialect, response.content) != request.texts:
        fault = "the answer does not hold one prediction for each text"
    header = response.headers.get
    version, variant, cache = header("X-Model-Version") or "", header("X-Variant") or "", header("X-Cache") or ""
    return Outcome(response.status, request.model, version, variant, cache, fault)
