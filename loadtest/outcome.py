"""What an answer says of itself: status, version, variant, cache, and whether it is the answer that was asked for."""

import json
from collections.abc import Mapping
from typing import Any

from loadtest.samples import NO_ANSWER, Outcome

OK = 200
MAX_FAULT_CHARS = 200


def read_outcome(status: int, headers: Mapping[str, str], content: bytes, texts: int) -> Outcome:
    """The outcome of a request that was answered; a 200 without a prediction for each text is a failure too.

    Args:
        status: HTTP status.
        headers: the answer's headers, found whatever their case.
        content: the answer's body.
        texts: how many texts the request carried.
    """
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    fields = body if isinstance(body, dict) else {}
    fault = ""
    if status != OK:
        fault = str(fields.get("error") or f"status {status}")[:MAX_FAULT_CHARS]
    elif not isinstance(fields.get("predictions"), list) or len(fields["predictions"]) != texts:
        fault = "the answer does not hold one prediction for each text"
    return Outcome(status, headers.get("X-Model-Version") or "", headers.get("X-Variant") or "", headers.get("X-Cache") or "", fault)


def describe_no_answer(error: Any) -> Outcome:
    """The outcome of a request that got no answer."""
    if isinstance(error, ConnectionRefusedError):
        fault = "connection refused"
    elif isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower():
        fault = "timed out"
    else:
        fault = f"no answer: {error}"[:MAX_FAULT_CHARS]
    return Outcome(NO_ANSWER, fault=fault)


def count_hits(cache: str, texts: int, repeats: int) -> int:
    """How many of a request's texts came from the cache, as `X-Cache` tells.

    A `partial` answer does not say how many: the repeats that were sent are taken, at least one and not all.
    """
    if cache == "hit":
        return texts
    if cache == "partial":
        return min(max(repeats, 1), texts - 1)
    return 0
