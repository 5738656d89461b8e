"""A file that is read again when it changes.

A file that cannot be used is refused, and the last good value stays in force. Every worker and
every replica watches its own copy (in Kubernetes a mounted ConfigMap), so no one has to tell the
others.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import structlog

log = structlog.get_logger()
Value = TypeVar("Value")
WATCH_INTERVAL_S = 1.0


class Gauge(Protocol):
    """Shows a number, as a gauge of `prometheus_client` does."""

    def set(self, value: float) -> None:
        """Show this number from now on."""


def _unmarked(value: Value, _fault: str) -> Value:
    return value


def _unchanged(_before: Value, value: Value) -> Value:
    return value


def _none(_value: Any) -> Iterable[str]:
    return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FileKind(Generic[Value]):
    """What a kind of file holds, and how its changes are reported."""

    parse: Callable[[str], Value]
    """reads a text; where it cannot, raises `ValueError` with a sentence that says where and why"""
    empty: Value
    """in force where there is no file"""
    error: Callable[[str], Exception]
    """what `Watched.read` raises with the file's fault"""
    valid: Gauge
    """1 while the file as it stands is in force, else 0"""
    taken: str
    """the log event of a file that was taken over; `shown` makes its fields of the value"""
    refused: str
    """the log event of a file that was refused; its field is the reason"""
    shown: Callable[[Value], Mapping[str, Any]]
    marked: Callable[[Value, str], Value] = _unmarked
    """makes the last good value tell the file's fault, where readers of the value need it"""
    after: Callable[[Value, Value], Value] = _unchanged
    """(the value before, the new one) → the new one, which may tell what has changed"""
    warnings: Callable[[Value], Iterable[str]] = _none
    """sentences about a value that is in force and may not do what its author expects"""


class Watched(Generic[Value]):
    """The value of the file at `path`; the kind's `empty` where `path` is None.

    `current` is swapped whole, so a reader that takes it once sees one state of the file. `fault`
    says why the file as it stands is not in force; None: it is in force.
    """

    def __init__(self, path: Path | None, kind: FileKind[Value]) -> None:
        self._path, self._kind = path, kind
        self._seen: bytes | None = None
        self.current = kind.empty
        self.fault: str | None = None

    def __repr__(self) -> str:
        return f"<Watched {self._path}: {self.fault or 'in force'}>"

    def read(self) -> None:
        """Take the file over if its contents changed.

        Raises:
            Exception: the kind's `error`. The file cannot be read or used; what was in force stays
                in force.
        """
        self._take()
        if self.fault:
            raise self._kind.error(self.fault)

    async def watch(self, apply: Callable[[], None] | None = None) -> None:
        """Read the file every second, for ever, and log each change; a fault is logged once.

        `apply` is called each time that the file was taken over, before that is logged.
        """
        while self._path is not None:
            if self._take():
                self._tell(apply)
            await asyncio.sleep(WATCH_INTERVAL_S)

    def warn(self) -> None:
        """Log what the value in force may do that its author does not expect."""
        for sentence in self._kind.warnings(self.current):
            log.warning(sentence)

    def _take(self) -> bool:
        """Whether what is in force, or the fault, is another than before."""
        changed = self._path is not None and self._changed(self._path)
        self._kind.valid.set(self.fault is None)
        return changed

    def _changed(self, path: Path) -> bool:
        before = self.fault
        try:
            contents = path.read_bytes()
        except OSError as exc:
            self._seen = None
            self._refuse(f"{path}: {exc.strerror}")
            return self.fault != before
        if contents == self._seen:
            return False
        self._seen = contents
        try:
            self.current = self._kind.after(self.current, self._kind.parse(contents.decode()))
        except ValueError as exc:  # UnicodeDecodeError is one
            self._refuse(f"{path}: {exc}")
        else:
            self.fault = None
        return True

    def _refuse(self, fault: str) -> None:
        self.current, self.fault = self._kind.marked(self.current, fault), fault

    def _tell(self, apply: Callable[[], None] | None) -> None:
        if self.fault:
            log.error(self._kind.refused, reason=self.fault)
            return
        if apply is not None:
            apply()
        log.info(self._kind.taken, **self._kind.shown(self.current))
        self.warn()
