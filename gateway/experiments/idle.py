"""What a definition says that nothing acts on. Pure."""

from gateway.experiments.definition import Definition


def idle_warnings(definition: Definition) -> list[str]:
    """A sentence that names these fields, so that nobody waits for what does not come."""
    if not any(variant.shadow for variant in definition.variants):
        return []
    return [f"experiment {definition.key}: nothing acts on shadow: the gateway assigns and measures units, and shadows nothing by itself"]
