"""A flow: what a tenant, a key, a connection or a request holds of a fair queue. Pure."""

from collections import deque
from collections.abc import Hashable, Sequence
from typing import Any, Generic, Protocol, TypeVar

Path = Sequence[Hashable]
"""The names of the flows that lead to a request; the last one is the request's own."""


class Queued(Protocol):
    """An entry; its `cost` is a whole number above 0, so that sums stay exact."""

    cost: int
    flow: "Flow[Any] | None"
    """The flow that holds the entry, from `push` until it is answered or withdrawn."""


Entry = TypeVar("Entry", bound=Queued)


class Flow(Generic[Entry]):
    """What a tenant, a key, a connection or a request holds.

    `queued` and `queued_cost` are of the entries that wait, `pending` is the cost of those and of
    the entries that were taken and are not answered.
    """

    __slots__ = (
        "active",
        "clock",
        "entries",
        "finish",
        "flows",
        "name",
        "parent",
        "pending",
        "queued",
        "queued_cost",
        "schedule",
        "scheduled",
        "sorted",
        "start",
    )

    def __init__(self, name: Hashable, parent: "Flow[Entry] | None") -> None:
        self.name, self.parent = name, parent
        self.flows: dict[Hashable, Flow[Entry]] = {}
        self.schedule: list[tuple[float, int, Flow[Entry]]] = []
        self.entries: deque[Entry] = deque()
        self.queued = self.queued_cost = self.pending = self.active = 0
        self.clock = self.start = self.finish = 0.0
        self.scheduled, self.sorted = False, True

    def __repr__(self) -> str:
        return f"<Flow {self.name!r}: {self.queued} queued, {self.pending} pending>"

    def first(self) -> Entry:
        """The cheapest of a request's entries, so that those of like length go together."""
        if not self.sorted:
            self.entries = deque(sorted(self.entries, key=lambda entry: entry.cost))
            self.sorted = True
        while self.entries[0].flow is not self:  # it was withdrawn
            self.entries.popleft()
        return self.entries[0]
