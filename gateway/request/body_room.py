"""How many bytes of bodies are held at once, and whose they are. Pure."""

from collections.abc import Hashable

MAX_BODIES = 32
"""Together the bodies of all requests may have so many times the bytes of the largest one."""


class BodyRoom:
    """The bytes of bodies that have come and whose requests have not ended.

    Where they are more than they may be, only who holds more than an even share gets no more: so
    nobody is refused because another one fills the room. It never holds more than twice as much.
    """

    def __init__(self) -> None:
        self.held = 0
        self._by_owner: dict[Hashable, int] = {}

    def take(self, owner: Hashable, size: int, most: int) -> bool:
        """Let an owner hold so many bytes more, of `most` altogether; false: it may not."""
        if not size:
            return True
        own = self._by_owner.get(owner, 0)
        has_more_than_share = (own + size) * (len(self._by_owner) + (not own)) > most
        if (self.held + size > most and has_more_than_share) or self.held + size > 2 * most:
            return False
        self._by_owner[owner] = own + size
        self.held += size
        return True

    def give_back(self, owner: Hashable, size: int) -> None:
        """An owner holds so many bytes less."""
        if not size:
            return
        self.held -= size
        self._by_owner[owner] -= size
        if not self._by_owner[owner]:
            del self._by_owner[owner]
