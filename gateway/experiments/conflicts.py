"""Which experiments can run beside each other. Pure."""

from collections.abc import Iterable

from gateway.experiments.definition import Definition


def conflict(definition: Definition, others: Iterable[Definition]) -> str | None:
    """Why an experiment cannot run beside `others`, and what to change; None if it can.

    A request gets one version, so two experiments on one model need ranges of one namespace that do
    not overlap: then no unit is in both.
    """
    for other in others:
        if other.asked_model == definition.asked_model and not _apart(definition, other):
            return (
                f"experiment {other.key} runs on the model {other.asked_model}: stop it first, "
                "or give both ranges of one namespace that do not overlap"
            )
    return None


def _apart(one: Definition, other: Definition) -> bool:
    if one.namespace is None or other.namespace is None or one.namespace.name != other.namespace.name:
        return False
    return one.namespace.range[1] <= other.namespace.range[0] or other.namespace.range[1] <= one.namespace.range[0]
