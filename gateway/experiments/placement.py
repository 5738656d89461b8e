"""Placement: (catalog, experiments, request) → the version that answers.

Pure, except that it draws from the random generator that is handed in.
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
    """Place a request: the version asked for, else its variant's, else the model's default version.

    `experiments` are by the name of the model that clients ask for. A request without a `unit` gets
    a new one. The model may not have the `version` asked for; this is not checked here.

    Raises:
        NotFound: no such model.
    """
    model = catalog.model(name)
    if version is not None:
        return Placement(model.name, version)
    experiment = experiments.get(model.name)
    if experiment is None:
        return Placement(model.name, model.default_version)
    if unit is None:
        drawn = chance.randbytes(UNIT_HASH_BYTES)
        name_of_unit, unit_hash = drawn.hex(), drawn
    else:
        name_of_unit, unit_hash = unit, blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=UNIT_HASH_BYTES).digest()
    variant = assign(experiment, name_of_unit)
    if variant is None:
        return Placement(*_control(catalog, model, experiment))
    fallback = not _can_answer(catalog, model, variant)
    answering = _control(catalog, model, experiment) if fallback else (variant.model, variant.version)
    return Placement(
        *answering,
        experiment=experiment.key,
        variant=variant.name,
        unit_hash=unit_hash,
        identified=unit is not None,
        fallback=fallback,
        bypass=experiment.cache_bypass > 0 and chance.random() < experiment.cache_bypass,
    )


def _control(catalog: Catalog, model: ServedModel, experiment: Experiment) -> tuple[str, int]:
    """The (model, version) that answers outside of the arms.

    It is the control's, so that only the covered share of the units sees the other variants. Where
    the control cannot answer, it is the default version of `model`.
    """
    control = experiment.control
    if _can_answer(catalog, model, control):
        return control.model, control.version
    return model.name, model.default_version


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
