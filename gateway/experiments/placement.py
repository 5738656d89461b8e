"""Placement: (catalog, experiments, request) → the version that answers.

Pure but for the chance that is handed in.
"""

from collections.abc import Mapping
from hashlib import blake2b
from random import Random

from gateway.catalog.catalog import Catalog, ServedModel
from gateway.experiments.assignment import Experiment, Variant, assign
from gateway.request.placement import Placement

UNIT_HASH_BYTES = 8


def place(
    catalog: Catalog,
    experiments: Mapping[str, Experiment],
    name: str,
    version: int | None,
    unit: str | None,
    chance: Random,
) -> Placement:
    """The version asked for, else the one of the unit's variant, else the model's default version.

    `experiments` are by the name of the model that clients ask for. A request that names no `unit`
    is given a new one. The version is one that the model may not have: whoever looks it up says so.

    Raises:
        NotFound: no such model.
    """
    model = catalog.model(name)
    if version is not None:
        return Placement(model.name, version)
    experiment = experiments.get(model.name)
    if experiment is None:
        return Placement(model.name, model.default_version)
    named = f"{chance.getrandbits(64):016x}" if unit is None else unit
    variant = assign(experiment, named)
    if variant is None:
        return Placement(*_control(catalog, model, experiment))
    fallback = not _can_answer(catalog, model, variant)
    answering = _control(catalog, model, experiment) if fallback else (variant.model, variant.version)
    return Placement(
        *answering,
        experiment=experiment.key,
        variant=variant.name,
        unit_hash=blake2b(named.encode(), digest_size=UNIT_HASH_BYTES).digest(),
        identified=unit is not None,
        fallback=fallback,
        bypass=experiment.cache_bypass > 0 and chance.random() < experiment.cache_bypass,
    )


def _control(catalog: Catalog, model: ServedModel, experiment: Experiment) -> tuple[str, int]:
    """What answers outside of the arms: the control, so that only the covered share sees what is
    tried.
    """
    control = experiment.control
    if _can_answer(catalog, model, control):
        return control.model, control.version
    return model.name, model.default_version


def _can_answer(catalog: Catalog, model: ServedModel, variant: Variant) -> bool:
    """Whether a variant's version is ready and, where it is another model's, of the task that
    clients ask for.
    """
    if variant.model == model.name:
        return model.is_ready(variant.version)
    served = catalog.models.get(variant.model)
    if served is None or not served.is_ready(variant.version):
        return False
    return served.versions[variant.version].manifest.task == _task(model)


def _task(model: ServedModel) -> str:
    return model.versions[model.default_version].manifest.task
