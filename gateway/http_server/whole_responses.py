"""Writes each response whole: a turn's first at once, the others one after the other when it ends.

A turn is one round of the event loop. The server hands over the head and the body of a response
apart, and each write is a system call and a packet. The responses of one batch are often ready in
the same turn; a client that is woken in the middle of the turn takes the core from the responses
after its own. A lone response does not wait for the rest of its turn.
"""

import asyncio
from collections.abc import Callable
from typing import Any

MAX_HELD_BYTES = 65_536
_HEAD = b"HTTP/1."


class Outbox:
    """The connections whose responses began in this turn, in the order in which they began."""

    def __init__(self) -> None:
        self._holding: list[WholeResponses] = []

    def flush_at_turn_end(self, responses: "WholeResponses") -> None:
        """Send what this connection holds when the turn ends."""
        if not self._holding:
            asyncio.get_running_loop().call_soon(self._flush)
        self._holding.append(responses)

    def is_first(self, responses: "WholeResponses") -> bool:
        """Whether no other connection began to answer before this one."""
        return bool(self._holding) and self._holding[0] is responses

    def _flush(self) -> None:
        holding, self._holding = self._holding, []
        for responses in holding:
            responses.flush()


class WholeResponses:
    """A transport that holds the head of a response back.

    The turn's first response is held until its body comes, any other until the turn ends. At most
    `MAX_HELD_BYTES` are held back. The first `close` does no more than send what is held where
    `lingers` says that the connection ends by itself.
    """

    __slots__ = ("_held", "_lingers", "_outbox", "_transport")

    def __init__(self, transport: asyncio.Transport, outbox: Outbox, lingers: Callable[[], bool] = lambda: False) -> None:
        self._transport, self._outbox = transport, outbox
        self._lingers: Callable[[], bool] | None = lingers
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether the transport is closing or closed."""
        # the server asks this for each response, and `__getattr__` is slow
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send `data`, or hold it back where it begins a response or continues one that is held."""
        if self._held:
            self._held += data
            if len(self._held) > MAX_HELD_BYTES or self._outbox.is_first(self):
                self.flush()
        elif data.startswith(_HEAD):
            self._held = data
            self._outbox.flush_at_turn_end(self)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send what is held, unless the client has left."""
        if self._held:
            held, self._held = self._held, b""
            if not self._transport.is_closing():
                self._transport.write(held)

    def close(self) -> None:
        """Send what is held, and close the transport."""
        self.flush()
        lingers, self._lingers = self._lingers, None
        if lingers is None or not lingers():
            self._transport.close()
