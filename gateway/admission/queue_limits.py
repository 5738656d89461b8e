"""How much work may wait for each version."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """The adaptive limit moves between `min_pending` and `max_pending` texts.

    Batch work may hold the share `batch_share` of it. `max_in_flight` is the most calls to Triton
    at once per version; None: one more than the version has instances.
    """

    min_pending: int
    max_pending: int
    target_latency_s: float
    batch_share: float
    max_in_flight: int | None
