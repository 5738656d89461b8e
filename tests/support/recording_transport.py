"""A transport that records what is written, for tests of protocols without a socket."""

import asyncio


class RecordingTransport(asyncio.Transport):
    """Records what is written; `writes` holds the data of each call, `reading` whether it reads."""

    def __init__(self):
        super().__init__()
        self.writes, self.closing, self.protocol, self.reading = [], False, None, True

    @property
    def sent(self):
        """All data that was written."""
        return b"".join(self.writes)

    def write(self, data):
        assert not self.closing
        self.writes.append(bytes(data))

    def set_protocol(self, protocol):
        self.protocol = protocol

    def close(self):
        self.closing = True

    def is_closing(self):
        return self.closing

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


async def turns(times=10):
    """Let other asyncio tasks run for some turns of the event loop."""
    for _ in range(times):
        await asyncio.sleep(0)
