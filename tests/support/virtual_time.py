"""Scenarios in virtual time, in which waiting takes no real time."""

import asyncio
import selectors


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when nothing else is left to do."""

    def __init__(self):
        super().__init__(selectors.SelectSelector())
        self.now_s = 0.0

    def time(self):
        return self.now_s

    def _run_once(self):
        if not self._ready and self._scheduled:
            self.now_s = max(self.now_s, self._scheduled[0].when())
        super()._run_once()


def run(scenario):
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        runner.run(scenario)
