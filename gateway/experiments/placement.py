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
    """A unit that takes part in an experiment, with its variant."""

    experiment: Experiment
    variant: Variant
    unit: _Unit
    forced: bool

    def arm(self, *, counted: bool) -> Arm:
        """What others see of it."""
        name, unit = self.variant.name, self.unit
        return Arm(self.experiment.key, name, self.experiment.epoch, unit.hash, unit.identified, counted and not self.forced)


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
    members = _members(of_model, _anonymous(chance) if unit is None else _named(unit), attributes)
    control = of_model[0].control
    if not members:
        return Placement(*_answering(catalog, model, control, control))
    changing = [member for member in members if _shows(member.variant) != _shows(control)]
    chosen = min(changing or members, key=lambda member: not member.forced)
    return Placement(
        *_answering(catalog, model, chosen.variant, control),
        arms=_arms(chosen, members, changing),
        fallback=not _can_answer(catalog, model, chosen.variant),
        bypass=_bypasses(members, chance),
    )


def _members(experiments: Sequence[Experiment], unit: _Unit, attributes: Attributes) -> list[_Member]:
    """The experiments that a request's unit takes part in, in their order."""
    if unit.identified and any(experiment.condition is not None for experiment in experiments):
        attributes = {**attributes, UNIT_ID: unit.name}
    return [member for experiment in experiments if (member := _member(experiment, unit, attributes)) is not None]


def _member(experiment: Experiment, unit: _Unit, attributes: Attributes) -> _Member | None:
    if experiment.unit_attribute != UNIT_ID:
        name = unit_of(attributes.get(experiment.unit_attribute))
        if name is None:
            return None
        unit = _named(name)
    if experiment.forced and (forced := experiment.named(experiment.forced.get(unit.name))) is not None:
        return _Member(experiment, forced, unit, True)
    variant = assign(experiment, unit.name, attributes, unit.hash)
    return None if variant is None else _Member(experiment, variant, unit, False)


def _arms(chosen: _Member, members: Sequence[_Member], changing: Sequence[_Member]) -> tuple[Arm, ...]:
    """The arm that chose the version, then those of the others that count."""
    if changing:
        return (chosen.arm(counted=len(changing) == 1),)
    return (chosen.arm(counted=True), *(member.arm(counted=True) for member in members if member is not chosen))


def _bypasses(members: Sequence[_Member], chance: Random) -> bool:
    """Whether one of the experiments wants this request computed; they draw once, together."""
    share = max(member.experiment.cache_bypass for member in members)
    return share > 0 and chance.random() < share


def _anonymous(chance: Random) -> _Unit:
    drawn = chance.randbytes(UNIT_HASH_BYTES)
    return _Unit(drawn.hex(), drawn, False)


def _named(name: str) -> _Unit:
    return _Unit(name, unit_hash(name), True)


def unit_hash(name: str) -> bytes:
    """What stands for a unit where its name must not."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=UNIT_HASH_BYTES).digest()


def _answering(catalog: Catalog, model: ServedModel, variant: Variant, control: Variant) -> tuple[str, int]:
    """The (model, version) that answers for a variant.

    It is the variant's own, else the control's, else the default version of `model`: the first
    whose version is ready. Who takes part in no experiment sees the control, so that only the
    covered share of the units sees the other variants.
    """
    for one in (variant, control):
        if _can_answer(catalog, model, one):
            return _shows(one)
    return model.name, model.default_version


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
