"""How much a load test offered, sent and got answered in a second. Pure."""

from dataclasses import dataclass

from loadtest.results.recording import Recording

LEAST_S = 1e-9
"""Keeps the rates of a load that never began at 0."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Requests per second that were due, that were sent and that were answered well.

    What was due and what was sent differ by the requests that were dropped. `texts_per_s` is of
    good answers.
    """

    offered_rps: float
    sent_rps: float
    answered_rps: float
    texts_per_s: float


def throughput_of(seen: Recording, elapsed_s: float, duration_s: float) -> Throughput:
    """The rates of a recording of `elapsed_s` seconds, of a scenario of `duration_s` seconds.

    Arrivals are due within the duration; the last answers come after it.
    """
    due_s = max(min(elapsed_s, duration_s), LEAST_S)
    answered_s = max(elapsed_s, LEAST_S)
    return Throughput(
        offered_rps=seen.offered / due_s,
        sent_rps=seen.started / due_s,
        answered_rps=seen.answered / answered_s,
        texts_per_s=seen.texts_answered / answered_s,
    )
