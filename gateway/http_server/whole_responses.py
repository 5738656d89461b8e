"""Writes responses whole: the first of a turn of the event loop at once, those after it one after the other at the turn's end.

The server hands over head and body apart, and each write is a system call and a packet. A client that is woken in the middle of a turn
takes the core from the responses after its own, which often are there in the same moment: they were computed in one batch. A lone
response does not wait for what else its turn has to do.
"""

import asyncio
from typing import Any

MAX_HELD_BYTES = 65_536
_HEAD = b"HTTP/1."


class Outbox:
    """The connections that answer in this turn, in the order in which they began."""

    def __init__(self) -> None:
        self._full: list[WholeResponses] = []

    def add(self, responses: "WholeResponses") -> None:
        """Send what this connection holds when the turn ends."""
        if not self._full:
            asyncio.get_running_loop().call_soon(self._send)
        self._full.append(responses)

    def is_first(self, responses: "WholeResponses") -> bool:
        """Whether no other connection began to answer before this one."""
        return bool(self._full) and self._full[0] is responses

    def _send(self) -> None:
        full, self._full = self._full, []
        for responses in full:
            responses.flush()


class WholeResponses:
    """A transport that holds back the head of a response until its body comes, and where it is not the first until the turn ends.

    Never are more than `MAX_HELD_BYTES` held back.
    """

    __slots__ = ("_held", "_outbox", "_transport")

    def __init__(self, transport: asyncio.Transport, outbox: Outbox) -> None:
        self._transport, self._outbox = transport, outbox
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data`, or hold it back where it begins a response or goes on with one that is held."""
        if self._held:
            self._held += data
            if len(self._held) > MAX_HELD_BYTES or self._outbox.is_first(self):
                self.flush()
        elif data.startswith(_HEAD):
            self._held = data
            self._outbox.add(self)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send what is held, while there is somebody to send it to."""
        if self._held:
            held, self._held = self._held, b""
            if not self._transport.is_closing():
                self._transport.write(held)

    def close(self) -> None:
        """Close it when all is sent."""
        self.flush()
        self._transport.close()
