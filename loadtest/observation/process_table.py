"""The processes of this machine: who listens where, who descends from whom, what each takes."""

import contextlib
import socket
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psutil

DEFAULT_PORTS = {"http": 80, "https": 443}


class NoProcessError(ValueError):
    """A process that is not there, or not ours to look at; the message is one sentence."""


class Taken(NamedTuple):
    """What a process has taken: seconds of CPU since it began, and resident memory now."""

    cpu_s: float
    memory_bytes: int


class Process:
    """One process, which is not confused with a later one of the same id."""

    def __init__(self, pid: int) -> None:
        try:
            self._process = psutil.Process(pid)
            self.command: list[str] = self._process.cmdline()
            self.kernel_name: str = self._process.name()
        except psutil.Error as exc:
            raise NoProcessError(f"Process {pid} cannot be watched: {_reason(exc)}.") from exc
        self.pid = pid

    def taken(self) -> Taken | None:
        """What it has taken until now; None where it is gone."""
        try:
            with self._process.oneshot():
                if self._process.status() == psutil.STATUS_ZOMBIE:
                    return None
                times = self._process.cpu_times()
                return Taken(times.user + times.system, self._process.memory_info().rss)
        except psutil.Error:
            return None

    def cores(self) -> frozenset[int] | None:
        """The numbers of the cores that it may use; None where that cannot be told."""
        try:
            return frozenset(self._process.cpu_affinity() or ())
        except (psutil.Error, AttributeError):
            return None

    def children(self) -> list[int]:
        """The ids of its descendants; none where it is gone."""
        try:
            return [child.pid for child in self._process.children(recursive=True)]
        except psutil.Error:
            return []


def listeners(url: str) -> list[int]:
    """The ids of the processes of this machine that listen where `url` points.

    There are none where that is another machine, or the processes are not ours. Of processes that
    share a socket, such as a server and its workers, it is the one from which all others descend.
    """
    parts = urlsplit(url)
    if not is_this_machine(parts.hostname or ""):
        return []
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    found = set()
    # some systems show this to root only, and processes end while they are listed
    with contextlib.suppress(psutil.Error):
        # this names any one of the processes that share a socket
        found = {_topmost(pid, port) for pid in _listening(psutil.net_connections(kind="tcp"), port) if pid}
    return sorted(found)


def _listening(connections: Iterable[Any], port: int) -> set[int | None]:
    """The ids of processes that listen on the port; None for the connections of one process."""
    return {
        getattr(connection, "pid", None)
        for connection in connections
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
    }


def _topmost(pid: int, port: int) -> int:
    """The furthest ancestor of this process that listens on the port as well, or this process."""
    parent = psutil.Process(pid).parent()
    try:
        shares = parent is not None and bool(_listening(parent.net_connections(kind="tcp"), port))
    except psutil.Error:
        shares = False  # not ours to look at
    return _topmost(parent.pid, port) if parent is not None and shares else pid


def is_this_machine(host: str) -> bool:
    """Whether an address of this machine has that name."""
    try:
        asked = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    ours = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    return bool(asked & ours)


def _reason(error: psutil.Error) -> str:
    return "there is none" if isinstance(error, psutil.NoSuchProcess) else "it belongs to another user"
