"""The layouts of the experiments that there are, made when they are first asked for."""

from collections.abc import Callable, Mapping

from gateway.experiments.definition import Definition
from gateway.measurement.layout import Layout, layout_of

Definitions = Callable[[], Mapping[tuple[str, int], Definition]]
"""The definitions of the experiments that are measured now, by key and epoch."""


class KnownLayouts:
    """Layouts by key and epoch; each is made once for its definition, which never changes."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._made: dict[tuple[str, int], tuple[Definition, Layout]] = {}

    def of(self, key: str, epoch: int) -> Layout | None:
        """The layout of an experiment's epoch; None where there is no such experiment now."""
        definition = self._definitions().get((key, epoch))
        return None if definition is None else self._layout(key, epoch, definition)

    def all(self) -> dict[tuple[str, int], Layout]:
        """All layouts; those of experiments that are gone are forgotten."""
        now = self._definitions()
        self._made = {key: made for key, made in self._made.items() if key in now}
        return {key: self._layout(*key, definition) for key, definition in now.items()}

    def _layout(self, key: str, epoch: int, definition: Definition) -> Layout:
        made = self._made.get((key, epoch))
        if made is None or made[0] is not definition:
            made = self._made[key, epoch] = definition, layout_of(definition)
        return made[1]
