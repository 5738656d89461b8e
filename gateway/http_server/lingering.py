"""The end of a connection whose request was answered before all of its body had come.

A close at once, with bytes unread, makes TCP reset the connection, and a client that is still
sending loses the answer, such as 413. So what follows is read for a while and thrown away (RFC
9112, section 9.6).
"""

import asyncio
from collections.abc import Callable

MAX_BYTES = 2**25
"""A client that sends more after its answer is reset."""


class Lingering(asyncio.Protocol):
    """Takes the place of a connection's protocol, until the client closes or its time is over.

    `lost` is called when the connection has ended.
    """

    def __init__(self, transport: asyncio.Transport, timeout_s: float, lost: Callable[[Exception | None], None]) -> None:
        self._transport, self._lost = transport, lost
        self._left_bytes = MAX_BYTES
        self._timer = asyncio.get_running_loop().call_later(timeout_s, transport.close)

    def data_received(self, data: bytes) -> None:
        """More of the body has come."""
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._timer.cancel()
        self._lost(exc)
