"""The running sums of an experiment's epoch, as state keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from gateway.measurement.exposures_script import DROPPED, VARIANTS
from gateway.measurement.layout import Layout
from gateway.measurement.moments import Moments, moments_of
from gateway.measurement.names import Names
from gateway.measurement.unit_record import UnitRecord
from gateway.state.state import State


@dataclass(slots=True)
class RunningSums:
    """Moments by field (`Names.sums`), and the `dropped` exposures, which nobody can sum.

    `variants` are those of the epoch, in the order of their indexes.

    The sums of features are over all units. Those of a metric with a window are over the matured
    ones: the units whose window is over, whatever comes.
    """

    layout: Layout
    fields: dict[str, Moments] = field(default_factory=dict)
    dropped: int = 0
    variants: tuple[str, ...] = ()

    @classmethod
    def unpacked(cls, layout: Layout, kept: Mapping[bytes, bytes]) -> Self:
        """What a hash of state says."""
        fields = {name.decode(): raw for name, raw in kept.items()}
        dropped = int(fields.pop(DROPPED, b"0"))
        variants = tuple(fields.pop(VARIANTS, b"").decode().split(","))
        return cls(layout, {name: Moments.unpacked(raw) for name, raw in fields.items()}, dropped, variants)

    def add(self, record: UnitRecord) -> None:
        """Add a unit's record."""
        cohort = f"{record.cohort(self.layout)}/"
        self._add(f"{record.variant}", Moments(1))
        self._add(f"{cohort}{record.variant}", Moments(1))
        for i, one in enumerate(self.layout.sums):
            self._add(f"{cohort if one.window else ''}{record.variant}:{i}", moments_of(one, record.values))

    def units(self, variant: int) -> int:
        """The identified units of a variant."""
        return self._of(f"{variant}").events

    def anonymous(self, variant: int) -> int:
        """The units of a variant that the gateway named itself, one for each request."""
        return self._of(f"a{variant}").events

    def feature(self, variant: int, name: str, *, anonymous: bool = False) -> tuple[int, Moments]:
        """The units of a variant, and the moments of a feature of their requests."""
        [place] = [i for i, one in enumerate(self.layout.sums[: -len(self.layout.metrics) or None]) if one.name == name]
        prefix = f"{'a' if anonymous else ''}{variant}"
        return self._of(prefix).events, self._of(f"{prefix}:{place}")

    def metric(self, variant: int, name: str, now: float) -> tuple[int, Moments]:
        """The matured units of a variant, and the moments of a declared metric.

        Raises:
            KeyError: no such metric is measured.
        """
        places = {one.name: i for i, one in enumerate(self.layout.sums[-len(self.layout.metrics) or len(self.layout.sums) :])}
        place = len(self.layout.sums) - len(self.layout.metrics) + places[name]
        window = self.layout.sums[place].window
        if not window:
            return self.units(variant), self._of(f"{variant}:{place}")
        units, total = 0, Moments()
        for cohort in self._matured(now - window):
            units += self._of(f"{cohort}/{variant}").events
            total = total.plus(self._of(f"{cohort}/{variant}:{place}"))
        return units, total

    def _matured(self, first_before: float) -> list[int]:
        cohorts = {int(name.partition("/")[0]) for name in self.fields if "/" in name}
        return [cohort for cohort in cohorts if (cohort + 1) * self.layout.cohort_s <= first_before]

    def _of(self, name: str) -> Moments:
        return self.fields.get(name, Moments())

    def _add(self, name: str, change: Moments) -> None:
        self.fields[name] = self._of(name).plus(change)


async def read_sums(state: State, names: Names, layout: Layout) -> RunningSums:
    """The running sums that state keeps.

    Raises:
        StateUnavailable: state does not answer.
    """
    return RunningSums.unpacked(layout, await state.hash_items(names.sums))
