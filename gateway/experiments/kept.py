"""The copy of experiments on disk, with which a gateway starts while state is gone."""

import json
import os
from pathlib import Path

import structlog

from gateway.experiments.record import Stored, stored_of

log = structlog.get_logger()


class KeptCopy:
    """A copy in the file at `path` of what `server` keeps; none where `path` is None.

    A copy of what another server keeps is not read, so gateways that stand on several servers do
    not take each other's experiments. Workers of one server write the same.
    """

    def __init__(self, path: Path | None, server: str) -> None:
        self._path, self._server = path, server
        self._failed = False

    def read(self) -> Stored | None:
        """The copy; None where there is none that can be read."""
        if self._path is None:
            return None
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return stored_of(kept["stored"]) if kept["server"] == self._server else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as exc:
            log.warning("the kept copy of experiments cannot be read", file=str(self._path), reason=repr(exc))
            return None

    def write(self, stored: Stored) -> None:
        """Write the copy whole; that it cannot be written is logged once."""
        if self._path is None:
            return
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # forced variants name units
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump({"server": self._server, "stored": stored.document()}, file)
            part.replace(self._path)
        except OSError as exc:
            if not self._failed:
                log.warning("no copy of experiments is kept for a start without state", file=str(self._path), reason=exc.strerror)
            self._failed = True
        else:
            self._failed = False
