"""Where units stay that an experiment assigned in its earlier epochs. Pure.

A unit stays in its variant, and counts in the epoch that it was assigned in: it came in by that
epoch's weights. Where its variant shows another version since, what comes now says nothing of that
epoch. It counts in the present one then if the same weights were said all the time, since the hash
would put it where it is; else it came in by other weights than the new units, and counts nowhere.
"""

from collections.abc import Mapping, Sequence

from gateway.experiments.assignment import Stay, Variant
from gateway.experiments.earlier_units import EarlierUnits, code_of
from gateway.experiments.record import Epoch


class Stays:
    """An `Assigned`: who was assigned, and where each of these arms stays."""

    def __init__(self, units: EarlierUnits, arms: Mapping[int, Stay]) -> None:
        self._units, self._arms = units, arms

    def stay(self, unit_hash: bytes) -> Stay | None:
        """Where a unit stays; None where it is assigned anew."""
        code = self._units.code(unit_hash)
        return None if code is None else self._arms.get(code)


def stays_of(units: EarlierUnits, epochs: Sequence[Epoch], variants: Sequence[Variant]) -> Stays:
    """Where the units of earlier epochs stay, among the variants of the last of `epochs`.

    Whose variant is gone, or has no weight any more, is assigned anew.
    """
    *earlier, present = epochs
    there = {variant.name: variant for variant in variants if variant.weight > 0}
    arms = {}
    for i, epoch in enumerate(earlier):
        same_weights = all(list(other.weights.items()) == list(epoch.weights.items()) for other in epochs[i:])
        for place, name in enumerate(epoch.weights):
            if (variant := there.get(name)) is not None:
                arms[code_of(epoch.number, place)] = Stay(variant, _counts_in(epoch, present, variant, same_weights=same_weights))
    return Stays(units, arms)


def _counts_in(epoch: Epoch, present: Epoch, variant: Variant, *, same_weights: bool) -> int | None:
    shows = f"{variant.model}/{variant.version}"
    if epoch.shown.get(variant.name, shows) == shows:
        return epoch.number
    return present.number if same_weights else None
