"""Several goals at once: p-values that stay honest together. Pure."""

from collections.abc import Mapping


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's adjusted p-values by name.

    Those at most α hold together: that any one of them is false has probability at most α. Source:
    Holm, "A simple sequentially rejective multiple test procedure" (1979).
    """
    ordered = sorted(p_values, key=lambda name: p_values[name])
    adjusted, most = {}, 0.0
    for place, name in enumerate(ordered):
        most = max(most, min(1.0, p_values[name] * (len(ordered) - place)))
        adjusted[name] = most
    return {name: adjusted[name] for name in p_values}
