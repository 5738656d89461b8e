"""How much work may wait for each version, and how much of it may be in flight to Triton."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """At most `max_pending` texts of `max_pending_bytes` may wait.

    At most `max_in_flight` calls to Triton run at once per version; None: one more than the version
    has instances. The texts in flight are adapted so that a call takes about `target_latency_s`;
    batch work may hold the share `batch_share` of what is in flight.
    """

    max_pending: int
    max_pending_bytes: int
    target_latency_s: float
    batch_share: float
    max_in_flight: int | None
