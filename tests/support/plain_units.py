"""What is known of units, kept as events and summed anew: a reference for the running sums."""

from fractions import Fraction


class PlainUnits:
    """The events of identified units in one epoch: exposures, and outcomes by key."""

    def __init__(self):
        self.variants, self.requests, self.outcomes = {}, {}, {}

    def expose(self, unit, variant, at, **seen):
        self.variants.setdefault(unit, (variant, at))
        self.requests.setdefault(unit, []).append(seen)

    def outcome(self, unit, metric, value, key, at):
        if unit in self.variants:
            self.outcomes.setdefault(key, (unit, metric, value, at))

    def values(self, unit, metric, window=None):
        first = self.variants[unit][1]
        return [
            Fraction(str(value))
            for of, name, value, at in self.outcomes.values()
            if of == unit and name == metric and at >= first and (window is None or at - first <= window)
        ]

    def before(self, unit, metric):
        first = self.variants[unit][1]
        return [Fraction(str(value)) for of, name, value, at in self.outcomes.values() if of == unit and name == metric and at < first]

    def of(self, variant):
        return [unit for unit, (arm, _) in self.variants.items() if arm == variant]

    def total(self, unit, name):
        return sum(seen.get(name, 0) for seen in self.requests[unit])


def moments(rows):
    """(events, Σx, Σx², Σy, Σy², Σxy, Σz, Σz², Σxz, Σyz) of rows of (x, y, z)."""
    return (
        sum(x != 0 for x, _, _ in rows),
        sum(x for x, _, _ in rows),
        sum(x * x for x, _, _ in rows),
        sum(y for _, y, _ in rows),
        sum(y * y for _, y, _ in rows),
        sum(x * y for x, y, _ in rows),
        sum(z for _, _, z in rows),
        sum(z * z for _, _, z in rows),
        sum(x * z for x, _, z in rows),
        sum(y * z for _, y, z in rows),
    )
