"""The place of a request in the queue of a version."""

from collections.abc import Hashable

from gateway.request.priority import Priority


class Ticket:
    """What an admitted request submits its items with.

    `flow` names whose request it is, and `path` has the request itself as its last name. `items` is
    how many items it waits for, and `waited_s` how long the last item that it submitted was queued,
    until its call began. `computing_s` is how long calls took for its items; a call of several
    requests is shared by the cost of their items. One that is `welcome` goes before others.
    """

    __slots__ = ("computing_s", "flow", "items", "path", "priority", "waited_s", "welcome")

    def __init__(self, flow: tuple[Hashable, ...], priority: Priority, items: int) -> None:
        self.flow = flow
        self.path: tuple[Hashable, ...] = (*flow, self)
        self.priority, self.items = priority, items
        self.waited_s = self.computing_s = 0.0
        self.welcome = False
