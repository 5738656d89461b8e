"""How long calls hold an instance, beside how long it computes them. Pure."""

from collections.abc import Sequence

from loadtest.planning.profiling.batch_seconds import LEAST_EXECUTIONS
from loadtest.planning.profiling.phases import Phase

LEAST_REQUEST_TEXTS = 4
"""With so many texts a request, an instance that is done finds the next call waiting."""


def occupancy(phases: Sequence[Phase], instances: int) -> float:
    """Seconds that instances were taken for each second that they computed, 1 at least.

    Triton counts what an instance computes. Between two calls it waits for Triton's own work and,
    where they share cores, for the CPU, so that it does less than its seconds say. That is seen
    where calls always wait: in the phases of large requests. The fullest of them counts; 1 where
    there was none.
    """
    shares = [
        sum(batch.seconds for batch in phase.batches.values()) / (instances * phase.results.elapsed_s)
        for phase in phases
        if phase.request_texts >= LEAST_REQUEST_TEXTS and sum(batch.executions for batch in phase.batches.values()) >= LEAST_EXECUTIONS
    ]
    return max(1.0, 1 / max(shares)) if shares else 1.0
