"""What the page of one experiment shows, beside the results themselves. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from gateway.evaluation.found import Compared, MetricResult
from gateway.evaluation.history import Look
from gateway.experiments.control import Action
from gateway.experiments.record import Record
from gateway.pages.interval_chart import Point, interval_chart


class Act(NamedTuple):
    """Something that may be done to an experiment: what its button says, and what comes of it.

    `name` is its place under the experiment's page; the `action` None deletes the experiment.
    """

    name: str
    label: str
    comes: str
    action: Action | None


START: Final = Act(
    "start", "Start", "Units are assigned by the definition as it is now. From then on metrics and model stay as they are.", "start"
)
RESUME: Final = Act("start", "Resume", "Units are assigned again; they are in the variants that they were in.", "start")
PAUSE: Final = Act("pause", "Pause", "Nobody is assigned until it is resumed: the model's default version answers.", "pause")
STOP: Final = Act("stop", "Stop", "The experiment ends for good. Its results stay, and outcomes that come late still count.", "stop")
PROMOTE: Final = Act(
    "promote", "Promote", "The variant's version becomes the model's default on every gateway, and the experiment ends.", "promote"
)
ROLL_BACK: Final = Act(
    "rollback", "Roll back", "The version that was the default before the promotion becomes the default again.", "rollback"
)
APPROVE: Final = Act("approve", "Approve the next step", "The ramp goes on when guardrails are safe and enough units have come.", "approve")
DELETE: Final = Act("delete", "Delete", "The experiment and all that was measured of it are forgotten; its events stay.", None)
ACTS: Final = {act.name: act for act in (START, PAUSE, STOP, PROMOTE, ROLL_BACK, APPROVE, DELETE)}


def acts_of(record: Record) -> Iterator[Act]:
    """What may be done to an experiment now."""
    ramp, state = record.definition.ramp, record.ramp
    waits = ramp is not None and state is not None and state.phase == "ramping" and ramp.steps[state.step].approval and not state.approved
    match record.status:
        case "draft":
            yield from (START, STOP, DELETE)
        case "running":
            yield from ((APPROVE,) if waits else ())
            yield from (PAUSE, STOP, PROMOTE)
        case "paused":
            yield from (RESUME, STOP, PROMOTE)
        case "stopped":
            yield from (PROMOTE,) if record.started_at is not None else ()
            yield from (ROLL_BACK,) if record.promotion is not None else ()
            yield DELETE


def chart(metric: MetricResult, one: Compared, looks: Sequence[Look]) -> Markup | None:
    """A variant's interval in a metric over time; None where too little is known.

    Of a guardrail the difference is drawn, with its margin; else the lift if it is known of all the
    later looks.
    """
    if one.guardrail is not None:
        points = _points(looks, [look.difference for look in looks], metric.name, one.variant)
        title = f"{metric.name}, {one.variant} against the control, difference over time: {one.sentence}"
        margin = None if metric.margin is None else metric.margin if metric.direction == "decrease" else -metric.margin
        return interval_chart(points, title, as_share=False, margin=margin)
    relative = _points(looks, [look.relative for look in looks], metric.name, one.variant)
    difference = _points(looks, [look.difference for look in looks], metric.name, one.variant)
    later = relative[len(relative) // 2 :]
    as_share = _known(relative) > 1 and _known(later) == len(later)
    points = relative if as_share else difference
    what = "relative lift" if as_share else "difference"
    return interval_chart(points, f"{metric.name}, {one.variant} against the control, {what} over time: {one.sentence}", as_share=as_share)


def _known(points: Sequence[Point]) -> int:
    return sum(None not in point for point in points)


def _points(looks: Sequence[Look], intervals: Sequence[Mapping[str, Any]], metric: str, variant: str) -> list[Point]:
    found = [(look.at, known[metric][variant]) for look, known in zip(looks, intervals, strict=True) if variant in known.get(metric, {})]
    return [Point(at, *ends) for at, ends in found]
