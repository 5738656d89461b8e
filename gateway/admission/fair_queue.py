"""A queue that is shared fairly, by start-time fair queueing. Pure: its clocks are virtual.

    root ─▶ tenant ─▶ API key ─▶ connection ─▶ request ─▶ entries

Flows form a tree, and the turns of a flow are shared among the flows within it (Goyal, Vin, Cheng,
"Start-time Fair Queueing", 1996; at each level as in "Hierarchical Packet Fair Queueing" by Bennett
and Zhang, 1996, whose virtual time it has). A turn begins at the virtual time of the parent's
clock, or at the end of the flow's last turn if that is later, and it is as long as what is taken
costs. The flow whose turn begins first is next, and meanwhile the clock goes on by the share of
each. So a flow that brings little waits for a turn of each other flow at most, and never for all
that another flow has brought.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import Generic, NamedTuple

from gateway.admission.flow import Entry, Flow, Path
from gateway.admission.heaviest import heaviest

MAX_UNDIVIDED = 4
"""So many entries of one request are taken together, since they are waited for together."""
MAX_DEBT = 256
"""How far a flow that comes back stands behind one that comes for the first time, at most.

A client that sends request after request thereby lets one go first that sends now and then.
"""
HEAD_START = 1024
"""How far a flow that is welcome stands before the others, at most."""
CONTENDED = 4
"""A newcomer is held up if the other flows hold on average so many times as much as it does."""
SWEEP_ABOVE = 64
"""From so many flows on, those that hold nothing and owe nothing are looked for."""


class Ahead(NamedTuple):
    """What a new request meets.

    `work` is what is answered until it is, its own cost included: each other flow answers at most
    as much meanwhile, and no more than it holds. `is_contended` says whether the other flows hold
    far more than its own flow.
    """

    work: int
    is_contended: bool


class FairQueue(Generic[Entry]):
    """Entries by flow; `take` takes those whose turn it is.

    Pushing, taking and withdrawing an entry take logarithmic time in the number of flows.
    """

    def __init__(self, max_debt: int = MAX_DEBT) -> None:
        self._max_debt = max_debt
        self.queued = 0
        """How many entries wait."""
        self._root: Flow[Entry] = Flow("", None)
        self._numbers = count()

    def __repr__(self) -> str:
        return f"<FairQueue {self.queued} queued, {self.pending} pending>"

    @property
    def pending(self) -> int:
        """The cost of what waits and of what was taken and is not answered."""
        return self._root.pending

    @property
    def next_queued(self) -> int:
        """How many entries wait of the request whose turn it is; there must be one."""
        return self._next().queued

    def push(self, path: Path, entry: Entry, *, welcome: bool = False) -> None:
        """Let an entry wait as part of the request at `path`.

        Flows that are `welcome` and hold nothing yet owe nothing, and go before others.
        """
        flow = self._root
        for name in path:
            inner = flow.flows.get(name)
            if inner is None:
                inner = flow.flows[name] = Flow(name, flow)
            flow = inner
        if flow.entries and entry.cost < flow.entries[-1].cost:
            flow.sorted = False
        flow.entries.append(entry)
        entry.flow = flow
        cost = entry.cost
        while flow.parent is not None:
            flow.queued += 1
            flow.queued_cost += cost
            if not flow.pending:
                flow.parent.active += 1
            flow.pending += cost
            if not flow.scheduled:
                self._schedule(flow, flow.parent, welcome=welcome)
            flow = flow.parent
        flow.queued += 1
        flow.queued_cost += cost
        flow.pending += cost
        self.queued += 1

    def take(self, budget: int, most: int, keep: Callable[[Entry], bool], max_undivided: int = MAX_UNDIVIDED) -> list[Entry]:
        """Take up to `most` entries that cost `budget` together, but one at least.

        Up to `max_undivided` entries of one request are taken beyond `most`. An entry that is not
        to be kept is left out and withdrawn.
        """
        taken: list[Entry] = []
        spent, full = 0, False
        while self.queued and not full:
            flow, own, before = self._next(), 0, spent
            while own < flow.queued:
                entry = flow.first()
                too_many = len(taken) >= most and not (own and len(taken) < max_undivided)
                if too_many or (taken and spent + entry.cost > budget):
                    full = True
                    break
                if not keep(entry):
                    self.withdraw(entry)
                    continue
                flow.entries.popleft()
                taken.append(entry)
                spent += entry.cost
                own += 1
            self._unqueue(flow, own, spent - before)
            if own:  # a flow of which nothing was kept has had no turn
                self._charge(flow, spent - before)
        return taken

    def answered(self, entries: Sequence[Entry]) -> None:
        """Forget entries that were taken."""
        costs: dict[Flow[Entry], int] = {}
        for entry in entries:
            if entry.flow is not None:
                costs[entry.flow] = costs.get(entry.flow, 0) + entry.cost
                entry.flow = None
        for flow, cost in costs.items():
            self._forget(flow, cost)

    def withdraw(self, entry: Entry) -> None:
        """Let an entry wait no more."""
        flow = entry.flow
        if flow is None:
            return
        entry.flow = None
        self._unqueue(flow, 1, entry.cost)
        self._forget(flow, entry.cost)

    def ahead(self, path: Path, cost: int) -> "Ahead":
        """What a new request at `path` with this `cost` meets."""
        work, contended = cost, False
        for pending, others, held in reversed(self._others(path)):
            work += min(pending, others * work)
            contended = contended or pending >= CONTENDED * others * (held + cost)
        return Ahead(work, contended)

    def heaviest(self, path: Path = (), cost: int = 0) -> Iterator[list[Entry]]:
        """What waits of each request that is to be shed before a new one of this cost at `path`."""
        return heaviest(self._root, path, cost)

    def _others(self, path: Path) -> list[tuple[int, int, int]]:
        """At each level of a path where there are other flows: what is pending of them, how many
        they are, and what is pending of the path's own flow.
        """
        found: list[tuple[int, int, int]] = []
        flow: Flow[Entry] | None = self._root
        for name in path:
            if flow is None or not flow.active:
                break
            inner = flow.flows.get(name)
            held = inner.pending if inner is not None else 0
            if others := flow.active - 1 if held else flow.active:
                found.append((flow.pending - held, others, held))
            flow = inner
        return found

    def _schedule(self, flow: Flow[Entry], parent: Flow[Entry], *, welcome: bool) -> None:
        if welcome:
            flow.start = parent.clock - HEAD_START
        else:
            flow.start = max(parent.clock, min(flow.finish, parent.clock + self._max_debt))
        flow.scheduled = True
        heappush(parent.schedule, (flow.start, next(self._numbers), flow))

    def _next(self) -> Flow[Entry]:
        """The request whose turn it is: at each level the flow whose turn begins first."""
        flow = self._root
        while flow.flows:
            schedule = flow.schedule
            while not schedule[0][2].queued:
                heappop(schedule)[2].scheduled = False
            flow = schedule[0][2]
        return flow

    def _charge(self, flow: Flow[Entry], cost: int) -> None:
        """End the turn of a request, which is the first in the schedule at each level."""
        while (parent := flow.parent) is not None:
            parent.clock = max(parent.clock + cost / parent.active, flow.start)
            flow.finish = flow.start + cost
            if flow.queued:
                flow.start = flow.finish
                heapreplace(parent.schedule, (flow.start, next(self._numbers), flow))
            else:
                heappop(parent.schedule)
                flow.scheduled = False
            flow = parent

    def _unqueue(self, flow: Flow[Entry], entries: int, cost: int) -> None:
        self.queued -= entries
        outer: Flow[Entry] | None = flow
        while outer is not None:
            outer.queued -= entries
            outer.queued_cost -= cost
            outer = outer.parent

    def _forget(self, flow: Flow[Entry], cost: int) -> None:
        is_request = True
        while (parent := flow.parent) is not None:
            flow.pending -= cost
            if not flow.pending:
                parent.active -= 1
                if is_request or flow.finish <= parent.clock:
                    del parent.flows[flow.name]
                elif len(parent.flows) > max(SWEEP_ABOVE, 2 * parent.active):
                    _sweep(parent)
            flow, is_request = parent, False
        flow.pending -= cost
        if not flow.pending:  # nobody owes anything after a pause
            self._root = Flow("", None)


def _sweep(parent: Flow[Entry]) -> None:
    for name, flow in list(parent.flows.items()):
        if not flow.pending and flow.finish <= parent.clock:
            del parent.flows[name]
