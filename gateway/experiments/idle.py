"""What a definition says that nothing acts on. Pure."""

from gateway.experiments.definition import Definition

_FIELDS = ("bandit",)


def idle_warnings(definition: Definition) -> list[str]:
    """A sentence that names these fields, so that nobody waits for what does not come."""
    idle = [name for name in _FIELDS if getattr(definition, name)]
    if any(variant.shadow for variant in definition.variants):
        idle.append("shadow")
    if not idle:
        return []
    return [
        f"experiment {definition.key}: nothing acts on {', '.join(idle)}: the gateway assigns and measures units, "
        "and shadows and moves nothing by itself"
    ]
