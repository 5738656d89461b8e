"""Worker processes: uvicorn's supervisor, which here gives them the time that they need."""

from typing import Final

from uvicorn.supervisors import Multiprocess

REPLY_S: Final = 20
"""A worker that does not reply for so long is replaced.

One that is still importing the gateway, on a small machine beside others that do too, cannot reply.
"""
START_S: Final = 120
"""The time that a new worker has until it is ready, when another is restarted for it."""


class Workers(Multiprocess):
    """Starts workers, replaces those that end or hang, and restarts them one by one on SIGHUP."""

    def restart_all(self) -> None:
        """Replace each worker once its replacement is ready, which takes longer than a reply."""
        self.config.timeout_worker_healthcheck = START_S
        try:
            super().restart_all()
        finally:
            self.config.timeout_worker_healthcheck = REPLY_S
