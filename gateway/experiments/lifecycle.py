"""What may be done to an experiment, and what becomes of it. Pure.

    draft ──start──▶ running ◀──start── paused        promote: of one that has started; it stops
      │                 │ ──pause──▶ ▲ │              roll back: the default before the promotion
      └──────stop───────┴────stop──────┴──▶ stopped

A stopped experiment stays as it is, since its results are final; it may be promoted, rolled back
and deleted. What was declared before the start stays until the end: metrics, and what makes a unit.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.catalog.catalog import Default
from gateway.errors import InvalidRequest, NotFound, StateConflict
from gateway.experiments.definition import Definition, Variant
from gateway.experiments.ramp import RampState
from gateway.experiments.record import Epoch, Promotion, Record, Stored

MAX_EXPERIMENTS: Final = 1000
"""In state; each costs every gateway some memory."""
MAX_RUNNING: Final = 100
"""Each has series of metrics of its own."""
MAX_EPOCHS: Final = 50
"""Each has units and sums of its own."""
_FIXED = ("model", "seed", "unit_attribute", "metrics", "ramp", "bandit")
"""Fields that stay as they are from the start on."""
_OF_EPOCH = ("condition", "namespace")


@dataclass(frozen=True, slots=True)
class Change:
    """What one action makes of an experiment: `after` it, None where it is gone.

    `default` takes the place of the default version of the experiment's model, where it is given.
    The revision and times of `after` are set when the change is written.
    """

    action: str
    after: Record | None
    default: Default | None = None


def put(stored: Stored, definition: Definition, now: float) -> Change | None:
    """Make an experiment, or change the definition of one; None where nothing changes.

    Raises:
        StateConflict: the experiment is stopped, or what stays from the start on would change.
        InvalidRequest: there are too many.
    """
    before = stored.records.get(definition.key)
    if before is None:
        if len(stored.records) >= MAX_EXPERIMENTS:
            raise InvalidRequest(f"there are {MAX_EXPERIMENTS} experiments already; delete some that are stopped")
        return Change("create", Record(definition, "draft", 1, 0, now, now))
    if before.definition == definition:
        return None
    if before.status == "stopped":
        raise StateConflict(f"experiment {before.key} is stopped and stays as it is; give the new one another key")
    if before.started_at is None:
        return Change("change", replace(before, definition=definition))
    if changed := list(_changed_what_stays(before.definition, definition)):
        raise StateConflict(
            f"{', '.join(changed)}: cannot change after the start, since what was measured would mean something else; "
            "stop this experiment and give the new one another key"
        )
    if not opens_epoch(before.definition, definition):
        return Change("change", replace(before, definition=definition))
    if len(before.epochs) >= MAX_EPOCHS:
        raise StateConflict(f"experiment {before.key} has {MAX_EPOCHS} epochs already; stop it and give the new one another key")
    opened = Epoch.of(before.epoch + 1, now, definition)
    return Change("change", replace(before, definition=definition, epoch=opened.number, epochs=(*before.epochs, opened)))


def _changed_what_stays(before: Definition, after: Definition) -> Iterator[str]:
    """The names of the fields that must stay and would not.

    The bypass sample may become larger or smaller; with it or without it other values are measured.
    """
    yield from (name for name in _FIXED if getattr(before, name) != getattr(after, name))
    if bool(before.cache_bypass) != bool(after.cache_bypass):
        yield "cache_bypass"


def opens_epoch(before: Definition, after: Definition) -> bool:
    """Whether units would be assigned to something else than before.

    Another coverage alone does not: it brings units in or takes them out, and changes no arm.
    """
    if any(getattr(before, name) != getattr(after, name) for name in _OF_EPOCH):
        return True
    return [_arm(before, arm) for arm in before.variants] != [_arm(after, arm) for arm in after.variants]


def start(stored: Stored, key: str, now: float) -> Change:
    """Let an experiment assign units.

    Raises:
        NotFound: there is no such experiment.
        StateConflict: it is running or stopped, or too many are running.
    """
    record = _found(stored, key)
    if record.status in ("running", "stopped"):
        raise _wrong_status(record, "start", "draft or paused")
    if len(stored.running()) >= MAX_RUNNING:
        raise StateConflict(f"{MAX_RUNNING} experiments are running already; stop some first")
    epochs = record.epochs or (Epoch.of(record.epoch, now, record.definition),)
    ramp = record.ramp or (None if record.definition.ramp is None else RampState(0, now))
    return Change("start", replace(record, status="running", started_at=record.started_at or now, epochs=epochs, ramp=ramp))


def approve(stored: Stored, key: str) -> Change:
    """Allow a ramp's next step.

    Raises:
        NotFound: there is no such experiment.
        StateConflict: it is not running, or no step of it asks for approval now.
    """
    record = _found(stored, key)
    if record.status != "running":
        raise _wrong_status(record, "approve a step", "running")
    ramp, state = record.definition.ramp, record.ramp
    if ramp is None or state is None or state.phase != "ramping" or not ramp.steps[state.step].approval:
        raise StateConflict(f"experiment {key} has no step now that asks for approval")
    if state.approved:
        raise StateConflict(f"the next step of experiment {key} is approved already")
    return Change("approve", replace(record, ramp=replace(state, approved=True)))


def move_ramp(stored: Stored, key: str, before: RampState, after: RampState) -> Change | None:
    """Move a ramp on or back; None where somebody else has changed it meanwhile, or it is over."""
    record = stored.records.get(key)
    if record is None or record.status != "running" or record.ramp != before:
        return None
    action = {"rolled back": "ramp rolled back", "done": "ramp done"}.get(after.phase, "ramp step")
    return Change(action, replace(record, ramp=after))


def move_weights(stored: Stored, key: str, before: Definition, weights: Mapping[str, float], now: float) -> Change | None:
    """Give the variants of a bandit other weights, in an epoch of their own.

    None where somebody else has changed the definition meanwhile, it does not run, or has had all
    its epochs.
    """
    record = stored.records.get(key)
    if record is None or record.status != "running" or record.definition != before or len(record.epochs) >= MAX_EPOCHS:
        return None
    variants = [variant.model_copy(update={"weight": weights.get(variant.name, variant.weight)}) for variant in before.variants]
    definition = before.model_copy(update={"variants": variants})
    opened = Epoch.of(record.epoch + 1, now, definition)
    return Change("weights", replace(record, definition=definition, epoch=opened.number, epochs=(*record.epochs, opened)))


def pause(stored: Stored, key: str) -> Change:
    """Let an experiment assign nobody for a while: the model's default version answers.

    Raises:
        NotFound: there is no such experiment.
        StateConflict: it is not running.
    """
    record = _found(stored, key)
    if record.status != "running":
        raise _wrong_status(record, "pause", "running")
    return Change("pause", replace(record, status="paused"))


def stop(stored: Stored, key: str, now: float) -> Change:
    """End an experiment for good.

    Raises:
        NotFound: there is no such experiment.
        StateConflict: it is stopped already.
    """
    record = _found(stored, key)
    if record.status == "stopped":
        raise _wrong_status(record, "stop", "draft, running or paused")
    return Change("stop", _stopped(record, now))


def delete(stored: Stored, key: str) -> Change:
    """Forget an experiment that assigns nobody.

    Raises:
        NotFound: there is no such experiment.
        StateConflict: it is running or paused, or what it promoted is the default.
    """
    record = _found(stored, key)
    if record.status in ("running", "paused"):
        raise _wrong_status(record, "be deleted", "draft or stopped")
    model = record.definition.asked_model
    default = stored.defaults.get(model)
    if default is not None and default.experiment == key:
        raise StateConflict(f"version {default.version} is the default of {model} by this experiment; keep it, or roll it back first")
    return Change("delete", None)


def promote(stored: Stored, key: str, variant: str | None, current: Default, now: float) -> Change:
    """Make a variant's version the default of its model, and end the experiment.

    `variant` may be None where only one is not the control. `current` is the model's default now.

    Raises:
        NotFound: there is no such experiment.
        InvalidRequest: it has no such variant, or must be told which one.
        StateConflict: it has not started, the variant is of another model, or promoted already.
    """
    record = _found(stored, key)
    if record.status == "draft":
        raise _wrong_status(record, "promote", "running, paused or stopped")
    winner = _winner(record.definition, variant)
    model = record.definition.asked_model
    if record.definition.model_of(winner) != model:
        raise StateConflict(
            f"variant {winner.name} is answered by the model {record.definition.model_of(winner)}; "
            f"only versions of {model} can become its default"
        )
    default = Default(winner.version, key, current.configured)
    before = stored.defaults.get(model)
    if before == default:
        raise StateConflict(f"version {winner.version} is the default of {model} by this experiment already")
    if before is not None and before.experiment == key and record.promotion is not None:
        current = record.promotion.before  # another variant of the same experiment: one roll-back undoes both
    promotion = Promotion(winner.name, winner.version, current)
    return Change("promote", replace(_stopped(record, now), promotion=promotion), default)


def roll_back(stored: Stored, key: str) -> Change:
    """Make the version the default again that was it before the experiment's promotion.

    Raises:
        NotFound: there is no such experiment.
        StateConflict: it has promoted nothing, or another has promoted since.
    """
    record = _found(stored, key)
    model = record.definition.asked_model
    if record.promotion is None:
        raise StateConflict(f"experiment {key} has promoted nothing that could be rolled back")
    default = stored.defaults.get(model)
    if default is None or default.experiment != key:
        by = f"experiment {default.experiment}" if default is not None and default.experiment else "somebody"
        raise StateConflict(f"{by} has set the default version of {model} since; roll that back first")
    return Change("rollback", replace(record, promotion=None), record.promotion.before)


def _found(stored: Stored, key: str) -> Record:
    record = stored.records.get(key)
    if record is None:
        raise no_such(stored.records)
    return record


def no_such(there: Iterable[str]) -> NotFound:
    """There is no such experiment; the message names those that there are."""
    return NotFound(f"no such experiment; there are: {', '.join(sorted(there)) or 'none'}")


def _wrong_status(record: Record, what: str, needed: str) -> StateConflict:
    return StateConflict(f"experiment {record.key} is {record.status}; to {what} it must be {needed}")


def _stopped(record: Record, now: float) -> Record:
    return record if record.status == "stopped" else replace(record, status="stopped", stopped_at=now)


def _arm(definition: Definition, variant: Variant) -> tuple[str, str, int, float]:
    return variant.name, definition.model_of(variant), variant.version, variant.weight


def _winner(definition: Definition, name: str | None) -> Variant:
    names = ", ".join(variant.name for variant in definition.variants)
    if name is None:
        others = [variant for variant in definition.variants[1:] if variant.weight > 0]
        if len(others) != 1:
            raise InvalidRequest(f'variant: say which one wins, e.g. {{"variant": "{definition.variants[-1].name}"}}; there are: {names}')
        return others[0]
    for variant in definition.variants:
        if variant.name == name:
            return variant
    raise InvalidRequest(f"variant: there is no such variant; there are: {names}")
