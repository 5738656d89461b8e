"""What a gateway lets wait for each version."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """The adaptive limit moves between `min_pending` and `max_pending` texts; batch work may hold `batch_share` of it.

    `max_in_flight` is the most calls to Triton at once per version; None: the version's instances and one.
    """

    min_pending: int
    max_pending: int
    target_latency_s: float
    batch_share: float
    max_in_flight: int | None
