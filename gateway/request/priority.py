"""What goes first: `interactive` where somebody waits for the answer, then `batch`."""

from enum import IntEnum


class Priority(IntEnum):
    """The value is Triton's priority level; lower goes first."""

    INTERACTIVE = 1
    BATCH = 2
