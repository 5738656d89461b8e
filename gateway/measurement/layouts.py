"""The layouts of the experiments that there are, made when they are first asked for."""

from collections.abc import Callable, Mapping

from gateway.experiments.in_force import Measured
from gateway.measurement.layout import Layout, layout_of

Epochs = Callable[[], Mapping[tuple[str, int], Measured]]
"""What is measured now, by key and epoch."""


class KnownLayouts:
    """Layouts by key and epoch; each is made once for its definition, which never changes."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs
        self._made: dict[tuple[str, int], tuple[Measured, Layout]] = {}

    def of(self, key: str, epoch: int) -> Layout | None:
        """The layout of an experiment's epoch; None where there is no such experiment now."""
        measured = self._epochs().get((key, epoch))
        return None if measured is None else self._layout(key, epoch, measured)

    def all(self) -> dict[tuple[str, int], Layout]:
        """All layouts; those of experiments that are gone are forgotten."""
        now = self._epochs()
        self._made = {key: made for key, made in self._made.items() if key in now}
        return {key: self._layout(*key, measured) for key, measured in now.items()}

    def _layout(self, key: str, epoch: int, measured: Measured) -> Layout:
        made = self._made.get((key, epoch))
        if made is None or made[0].definition is not measured.definition:
            made = self._made[key, epoch] = measured, layout_of(*measured)
        return made[1]
