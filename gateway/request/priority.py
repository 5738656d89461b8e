"""Who goes first: `interactive` for whoever waits for the answer, `batch` for work that may wait."""

from enum import IntEnum


class Priority(IntEnum):
    """The value is Triton's priority level; lower goes first."""

    INTERACTIVE = 1
    BATCH = 2
