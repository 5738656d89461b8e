"""Definitions as requests see them: conditions compiled, ranges of buckets computed. Pure."""

from gateway.experiments.assignment import Experiment, Namespace, Variant
from gateway.experiments.condition import compiled
from gateway.experiments.definition import Definition


def experiment_of(definition: Definition, *, coverage: float | None = None, epoch: int = 1) -> Experiment:
    """The experiment that a definition describes; `coverage` is that of a ramp's step, if any."""
    namespace = definition.namespace
    return Experiment(
        key=definition.key,
        model=definition.asked_model,
        seed=definition.seed or definition.key,
        coverage=definition.coverage if coverage is None else coverage,
        variants=tuple(Variant(one.name, definition.model_of(one), one.version, one.weight, one.shadow) for one in definition.variants),
        cache_bypass=definition.cache_bypass,
        unit_attribute=definition.unit_attribute,
        condition=compiled(definition.condition) if definition.condition else None,
        namespace=None if namespace is None else Namespace(namespace.name, *namespace.range),
        forced=definition.forced_variants,
        epoch=epoch,
    )
