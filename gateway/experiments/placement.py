"""Placement: (catalog, experiments, request) → the version that answers.

Pure, except that it draws from the random generator that is handed in.

Several experiments may split one model's traffic. A unit's variant changes the version if it is not
the version that would answer without experiments, which is the first experiment's control. The
first experiment that changes the version for a unit chooses it. An experiment counts a unit only if
no other one changes the version that the unit sees. Whether it does depends on the other's hash
alone, so all arms lose the same share of units, and what is left compares the versions that the
experiment names and no others.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from random import Random
from typing import NamedTuple

from gateway.catalog.catalog import Catalog, ServedModel
from gateway.experiments.assignment import UNIT_ID, Experiment, Variant, assign
from gateway.experiments.condition import NO_ATTRIBUTES, Attributes
from gateway.experiments.javascript import unit_of
from gateway.request.placement import Arm, Placement

UNIT_HASH_BYTES = 8


class _Unit(NamedTuple):
    name: str
    hash: bytes
    identified: bool


class _Member(NamedTuple):
    """An experiment that a unit takes part in, its variant, and the unit's arm."""

    experiment: Experiment
    variant: Variant
    arm: Arm


def place(
    catalog: Catalog,
    experiments: Mapping[str, Sequence[Experiment]],
    name: str,
    version: int | None,
    unit: str | None,
    chance: Random,
    attributes: Attributes = NO_ATTRIBUTES,
) -> Placement:
    """Place a request: the version asked for, else its variant's, else the model's default version.

    `experiments` are by the name of the model that clients ask for. A request without a `unit` gets
    a new one. The model may not have the `version` asked for; this is not checked here.

    Raises:
        NotFound: no such model.
    """
    model = catalog.model(name)
    if version is not None:
        return Placement(model.name, version)
    of_model = experiments.get(model.name)
    if not of_model:
        return Placement(model.name, model.default_version)
    control = of_model[0].control
    members = _members(of_model, _anonymous(chance) if unit is None else _named(unit), attributes)
    if not members:
        return Placement(*_standing_in(catalog, model, control))
    arms, variant = _chosen(members, control)
    bypass = _bypasses(members, chance)
    if _can_answer(catalog, model, variant):
        return Placement(variant.model, variant.version, arms, False, bypass)
    return Placement(*_standing_in(catalog, model, control), arms, True, bypass)


def _members(experiments: Sequence[Experiment], unit: _Unit, attributes: Attributes) -> list[_Member]:
    """The experiments that a request's unit takes part in, in their order."""
    found = []
    for experiment in experiments:
        member = _member(experiment, unit, attributes)
        if member is not None:
            found.append(member)
    return found


def _member(experiment: Experiment, unit: _Unit, attributes: Attributes) -> _Member | None:
    if experiment.condition is not None and unit.identified:
        attributes = {**attributes, UNIT_ID: unit.name}
    if experiment.unit_attribute != UNIT_ID:
        name = unit_of(attributes.get(experiment.unit_attribute))
        if name is None:
            return None
        unit = _named(name)
    forced = experiment.named(experiment.forced.get(unit.name)) if experiment.forced else None
    if forced is not None:
        return _Member(experiment, forced, _arm(experiment, forced, unit, counted=False))
    stay = experiment.stay(unit.hash) if experiment.assigned is not None and unit.identified else None
    if stay is not None:
        arm = _arm(experiment, stay.variant, unit, counted=stay.epoch is not None)
        return _Member(experiment, stay.variant, arm._replace(epoch=stay.epoch or experiment.epoch))
    variant = assign(experiment, unit.name, attributes)
    return None if variant is None else _Member(experiment, variant, _arm(experiment, variant, unit))


def _arm(experiment: Experiment, variant: Variant, unit: _Unit, *, counted: bool = True) -> Arm:
    return Arm(experiment.key, variant.name, experiment.epoch, unit.hash, unit.identified, counted)


def _chosen(members: Sequence[_Member], control: Variant) -> tuple[tuple[Arm, ...], Variant]:
    """The arms of a unit, of which the first chose the version, and its variant."""
    if len(members) == 1:
        return (members[0].arm,), members[0].variant
    for member in members:
        if not member.arm.counted:  # its variant is forced
            return (member.arm,), member.variant
    changing = [member for member in members if _shows(member.variant) != _shows(control)]
    first = (changing or members)[0]
    if len(changing) > 1:
        return (first.arm._replace(counted=False),), first.variant
    if changing:
        return (first.arm,), first.variant
    return tuple(member.arm for member in members), first.variant


def _bypasses(members: Sequence[_Member], chance: Random) -> bool:
    """Whether one of the experiments wants this request computed; they draw once, together."""
    share = 0.0
    for member in members:
        if member.experiment.cache_bypass > share:
            share = member.experiment.cache_bypass
    return share > 0 and chance.random() < share


def _anonymous(chance: Random) -> _Unit:
    drawn = chance.randbytes(UNIT_HASH_BYTES)
    return _Unit(drawn.hex(), drawn, False)


def _named(name: str) -> _Unit:
    return _Unit(name, unit_hash(name), True)


def unit_hash(name: str) -> bytes:
    """What stands for a unit where its name must not."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=UNIT_HASH_BYTES).digest()


def _standing_in(catalog: Catalog, model: ServedModel, control: Variant) -> tuple[str, int]:
    """The (model, version) that answers who takes part in no experiment, or whose version is away.

    It is the control's, so that only the covered share of the units sees the other variants. Where
    the control cannot answer, it is the default version of `model`.
    """
    return _shows(control) if _can_answer(catalog, model, control) else (model.name, model.default_version)


def _shows(variant: Variant) -> tuple[str, int]:
    return variant.model, variant.version


def _can_answer(catalog: Catalog, model: ServedModel, variant: Variant) -> bool:
    """Whether a variant's version is ready.

    A version of another model must also have the same model task as the one asked for.
    """
    if variant.model == model.name:
        return model.is_ready(variant.version)
    served = catalog.models.get(variant.model)
    if served is None or not served.is_ready(variant.version):
        return False
    return served.versions[variant.version].manifest.task == _task(model)


def _task(model: ServedModel) -> str:
    return model.versions[model.default_version].manifest.task
