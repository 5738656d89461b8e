"""What requests can have in common: status, who answered, how, and what was wrong."""

from typing import Any, NamedTuple

NO_ANSWER = 0
"""The status of a request that got no answer."""
MAX_FAULT_CHARS = 200


class Outcome(NamedTuple):
    """`model` is the one that was asked; `fault` says why a request failed and is empty for one that was answered well."""

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
        fault = f"no answer: {error}"[:MAX_FAULT_CHARS]
    return Outcome(NO_ANSWER, model, fault=fault)


def count_hits(cache: str, texts: int, repeats: int) -> int:
    """How many of a request's texts came from the cache, as `X-Cache` tells.

    A `partial` answer does not say how many: the repeats that were sent are taken, at least one and not all.
    """
    if cache in {"hit", "stale"}:
        return texts
    if cache == "partial":
        return min(max(repeats, 1), texts - 1)
    return 0
