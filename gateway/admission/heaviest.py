"""Who is shed where no more may wait: whoever holds most. Pure."""

from collections.abc import Iterator
from heapq import heapify, heapreplace
from typing import Generic

from gateway.admission.flow import Entry, Flow, Path


def heaviest(root: Flow[Entry], path: Path, cost: int) -> Iterator[list[Entry]]:
    """What waits of each request that is to be shed before a new one at `path`, as it is now.

    First is the one that holds most, in the flow that holds most at each level, and so on without
    it. The new request counts among them with its `cost`. Nothing is changed, so that whoever asks
    sheds none where all of them are not enough. The first takes time in proportion to the flows,
    each further one the logarithm of it.
    """
    holder = _Holder(root, path, cost if path else 0)
    while entries := holder.spare():
        yield entries


class _Holder(Generic[Entry]):
    """A flow, and what it would hold if what was shed in thought were shed.

    `newcomer` leads from here to the new request of this `cost`; it is empty where that is none of
    this flow's.
    """

    def __init__(self, flow: Flow[Entry], newcomer: Path, cost: int) -> None:
        self.flow, self.held = flow, flow.queued_cost + cost
        own = flow.flows.get(newcomer[0]) if newcomer else None
        self._newcomer, self._cost = newcomer, cost
        self._own = _Holder(own, newcomer[1:], cost) if own is not None else None
        self._others = [(-inner.queued_cost, place, inner) for place, inner in enumerate(flow.flows.values()) if inner is not own]
        heapify(self._others)
        self._met: dict[int, _Holder[Entry]] = {}

    def spare(self) -> list[Entry]:
        """Shed the request that holds most in thought; [] if that is the new one."""
        entries = self._request() if not self.flow.flows else self._of_the_heaviest()
        self.held -= sum(entry.cost for entry in entries)
        return entries

    def _request(self) -> list[Entry]:
        return [entry for entry in self.flow.entries if entry.flow is self.flow] if self.held and not self._newcomer else []

    def _of_the_heaviest(self) -> list[Entry]:
        own_held = self._own.held if self._own is not None else self._cost
        if self._others and -self._others[0][0] > own_held:
            _, place, inner = self._others[0]
            holder = self._met.get(place) or self._met.setdefault(place, _Holder(inner, (), 0))
            entries = holder.spare()
            heapreplace(self._others, (-holder.held, place, inner))
            return entries
        return self._own.spare() if self._own is not None else []
