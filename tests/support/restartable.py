"""A server that is killed, frozen, and started again by the same command: at the same address, with nothing of what it held."""

import contextlib
import os
import signal

import psutil
from gateway_process import wait_until

from model_repository.child import Child

GRACE_S = 10


class Restartable:
    """`answers` tells whether the server can be used; `running` is the one that was started by others, if there is one."""

    def __init__(self, argv, environment, log, answers, running=None):
        self._command = argv, environment, log
        self._answers = answers
        self._running = running
        if running is None:
            self.start()

    @classmethod
    def of(cls, running, log, answers):
        """Of a running server, by its command."""
        process = psutil.Process(running.pid)
        return cls(process.cmdline(), process.environ(), log, answers, running)

    @property
    def pid(self):
        return self._running.pid

    def start(self):
        """Start it and wait until it answers."""
        self._running = Child(*self._command, clean_up=lambda: None)
        wait_until(lambda: self._running.poll() is not None or self._answers(), timeout_s=60)
        assert self._running.poll() is None, self._command[2].read_text()

    def kill(self):
        """End it at once, with what it started."""
        os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: self._running.poll() is not None)

    @contextlib.contextmanager
    def frozen(self):
        """Stop this process alone, and let it go on."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def stop(self):
        if isinstance(self._running, Child):
            self._running.stop(GRACE_S)
