"""Ramps: when an experiment's coverage goes up a step, waits, or goes back to nothing. Pure.

A ramp moves coverage and never weights, so that units come in and nobody changes the arm. It goes
on only with what is known: harm ends it at once, and without proof of safety it waits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from gateway.experiments.definition import Ramp, Step

Phase = Literal["ramping", "done", "rolled back"]
NO_TRAFFIC_S: Final = 60.0
"""So long after a step began units must have come."""
MOST_DROPPED: Final = 0.01
"""Of a step's units; a ramp is held where more exposures were lost."""


@dataclass(frozen=True, slots=True)
class RampState:
    """Where a ramp is.

    The `step`, from 0, began at `since` (seconds since 1970), when there were `units`, and so many
    exposures had been `dropped`. It is `approved` where somebody allowed the next step. `reason`
    says why it was rolled back, and is empty before.
    """

    step: int
    since: float
    units: int = 0
    dropped: int = 0
    phase: Phase = "ramping"
    approved: bool = False
    reason: str = ""

    def coverage(self, ramp: Ramp) -> float:
        """The share of the units that take part now."""
        return 0.0 if self.phase == "rolled back" else ramp.steps[self.step].coverage


@dataclass(frozen=True, slots=True)
class RampLook:
    """What is known at a look.

    `harm` and `unsafe` are sentences on guardrails: those that are harmed, and those of which not
    enough is known. `mismatch` is why no number can be trusted, empty where they can.
    """

    units: int
    dropped: int
    mismatch: str
    harm: Sequence[str]
    unsafe: Sequence[str]


def looked_at(ramp: Ramp, state: RampState, look: RampLook, now: float) -> tuple[RampState, str]:
    """What becomes of a ramp, and why it is where it is, in one sentence.

    The state is the same object where nothing changes.
    """
    if state.phase == "rolled back":
        return state, f"rolled back: {state.reason}"
    if look.harm and not look.mismatch:
        reason = "; ".join(look.harm)
        return replace(state, phase="rolled back", reason=reason), f"rolled back: {reason}"
    if state.phase == "done":
        return state, "all steps are done; guardrails go on being watched"
    step = ramp.steps[state.step]
    for waiting in _waits_for(step, state, look, now):
        return state, f"step {state.step + 1} of {len(ramp.steps)}, {step.coverage:.0%}: {waiting}"
    if state.step + 1 == len(ramp.steps):
        return replace(state, phase="done"), "all steps are done; guardrails go on being watched"
    following = RampState(state.step + 1, now, look.units, look.dropped)
    return following, f"step {following.step + 1} of {len(ramp.steps)}, {ramp.steps[following.step].coverage:.0%}: begun"


def _waits_for(step: Step, state: RampState, look: RampLook, now: float) -> Iterator[str]:
    """What must happen before the next step, the gravest first."""
    new, passed_s = look.units - state.units, now - state.since
    if look.mismatch:
        yield f"held, since {look.mismatch}"
    if (dropped := look.dropped - state.dropped) > MOST_DROPPED * max(new, 1):
        yield f"held, since {dropped:,} exposures of this step were dropped while state was gone"
    if new == 0 and passed_s >= NO_TRAFFIC_S:
        yield "held, since no units have come since it began"
    if step.minimum_duration is not None and passed_s < step.minimum_duration:
        yield f"{step.minimum_duration - passed_s:,.0f} s more"
    if step.minimum_units is not None and new < step.minimum_units:
        yield f"{step.minimum_units - new:,} units more"
    if look.unsafe:
        yield "; ".join(look.unsafe)
    if step.approval and not state.approved:
        yield "waits for approval"
