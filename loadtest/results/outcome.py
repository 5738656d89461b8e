"""What became of a request: its status, who answered, how, and what was wrong."""

from typing import Any, NamedTuple

NO_ANSWER = 0
"""The status of a request that got no answer."""
MAX_FAULT_CHARS = 200


class Outcome(NamedTuple):
    """What became of a request.

    `model` is the one that was asked. `fault` says why the request failed, and is empty for one
    that was answered well.
    """

    status: int
    model: str = ""
    version: str = ""
    variant: str = ""
    cache: str = ""
    fault: str = ""

    @property
    def failed(self) -> bool:
        """Whether the request counts as failed."""
        return bool(self.fault)


def describe_no_answer(error: Any, model: str = "") -> Outcome:
    """The outcome of a request that got no answer."""
    if isinstance(error, ConnectionRefusedError):
        fault = "connection refused"
    elif isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower():
        fault = "timed out"
    else:
        fault = (str(getattr(error, "strerror", None) or error) or type(error).__name__)[:MAX_FAULT_CHARS]
    return Outcome(NO_ANSWER, model, fault=fault)


def count_hits(cache: str, texts: int, repeats: int) -> int:
    """How many of a request's texts came from the cache, according to `X-Cache`.

    A `partial` answer does not say how many. The number of repeats that were sent is taken instead,
    but at least one text and not all.
    """
    if cache in {"hit", "stale"}:
        return texts
    if cache == "partial":
        return min(max(repeats, 1), texts - 1)
    return 0
