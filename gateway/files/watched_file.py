"""A file that is read again when it changes; what cannot be used is refused and the last good contents stay in force.

Every worker and every replica watches its own copy (in Kubernetes a mounted ConfigMap), so that no one has to tell the others.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Contents = TypeVar("Contents")
WATCH_INTERVAL_S = 1.0


class WatchedFile(Generic[Contents]):
    """The contents of the file at `path` as `parse` reads them; `empty` where there is no path.

    `fault` is why the file as it stands is not in force, None where it is.
    """

    def __init__(self, path: Path | None, parse: Callable[[str], Contents], empty: Contents) -> None:
        self._path, self._parse = path, parse
        self._seen: bytes | None = None
        self.current = empty
        self.fault: str | None = None

    def __repr__(self) -> str:
        return f"<WatchedFile {self._path}: {self.fault or 'in force'}>"

    def read(self) -> bool:
        """Take the file over if it changed; whether what is in force, or the fault, is another than before."""
        if self._path is None:
            return False
        before = self.fault
        try:
            contents = self._path.read_bytes()
        except OSError as exc:
            self._seen, self.fault = None, f"{self._path}: {exc.strerror}"
            return self.fault != before
        if contents == self._seen:
            return False
        self._seen = contents
        try:
            self.current = self._parse(contents.decode())
        except ValueError as exc:  # UnicodeDecodeError is one
            self.fault = f"{self._path}: {exc}"
        else:
            self.fault = None
        return True

    async def watch(self, changed: Callable[[], None]) -> None:
        """Read the file every second, for ever; `changed` is called after what is in force, or the fault, became another."""
        while self._path is not None:
            if self.read():
                changed()
            await asyncio.sleep(WATCH_INTERVAL_S)
