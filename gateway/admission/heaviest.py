"""Who is shed where no more may wait: whoever holds most. Pure."""

from collections import Counter
from collections.abc import Iterator

from gateway.admission.flow import Entry, Flow, Path


def heaviest(root: Flow[Entry], path: Path, cost: int) -> Iterator[list[Entry]]:
    """What waits of each request that is to be shed before a new one at `path`, as it is now.

    First is the one that holds most, in the flow that holds most at each level, and so on without
    it. The new request counts among them with its `cost`. Nothing is changed, so that whoever asks
    sheds none where all of them are not enough.
    """
    shed: Counter[Flow[Entry]] = Counter()
    while entries := _heaviest(root, shed, path, cost):
        yield entries
        flow, spared = entries[0].flow, sum(entry.cost for entry in entries)
        while flow is not None:
            shed[flow] += spared
            flow = flow.parent


def _heaviest(flow: Flow[Entry], shed: Counter[Flow[Entry]], newcomer: Path, cost: int) -> list[Entry]:
    """The first such request where so much of flows is shed already; [] if there is none."""
    while flow.flows:
        own = flow.flows.get(newcomer[0]) if newcomer else None
        most = own.queued_cost - shed[own] + cost if own is not None else cost if newcomer else 0
        held = {inner: inner.queued_cost - shed[inner] for inner in flow.flows.values() if inner is not own}
        heavier = max(held, key=held.__getitem__, default=None)
        if heavier is not None and held[heavier] > most:
            flow, newcomer = heavier, ()
        elif own is not None:
            flow, newcomer = own, newcomer[1:]
        else:
            return []
    return [] if newcomer else [entry for entry in flow.entries if entry.flow is flow]
