"""Whether an answer is the one that was asked for."""

from loadtest.generator.connections import Answer
from loadtest.generator.wire import WireRequest
from loadtest.results.outcome import MAX_FAULT_CHARS, Outcome
from loadtest.workload.dialects import Dialect, count_answers, error_in

OK = 200


def judge(dialect: Dialect, request: WireRequest, answer: Answer) -> Outcome:
    """The outcome of a request that was answered; a 200 without a prediction for each text is a failure too."""
    fault = ""
    if answer.status != OK:
        fault = (error_in(answer.content) or f"status {answer.status}")[:MAX_FAULT_CHARS]
    elif count_answers(dialect, answer.content) != request.texts:
        fault = "the answer does not hold one prediction for each text"
    told = answer.headers.get
    return Outcome(answer.status, request.model, told("X-Model-Version") or "", told("X-Variant") or "", told("X-Cache") or "", fault)
