"""The processes of this machine: who listens, whose children are whose, what each takes."""

import contextlib
import socket
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

DEFAULT_PORTS = {"http": 80, "https": 443}


class NoProcessError(ValueError):
    """A process that is not there, or not ours to look at; the message is one sentence."""


class Taken(NamedTuple):
    """What a process took until now: seconds of CPU since it began, and resident memory now."""

    cpu_s: float
    memory_bytes: int


class Process:
    """One process, told from a later one with the same id."""

    def __init__(self, pid: int) -> None:
        try:
            self._process = psutil.Process(pid)
            self.command: list[str] = self._process.cmdline()
            self.kernel_name: str = self._process.name()
        except psutil.Error as exc:
            raise NoProcessError(f"Process {pid} cannot be watched: {_reason(exc)}.") from exc
        self.pid = pid

    def taken(self) -> Taken | None:
        """What it took until now; None where it is gone."""
        try:
            with self._process.oneshot():
                if self._process.status() == psutil.STATUS_ZOMBIE:
                    return None
                times = self._process.cpu_times()
                return Taken(times.user + times.system, self._process.memory_info().rss)
        except psutil.Error:
            return None

    def children(self) -> list[int]:
        """The ids of its descendants; none where it is gone."""
        try:
            return [child.pid for child in self._process.children(recursive=True)]
        except psutil.Error:
            return []


def listeners(url: str) -> list[int]:
    """The ids of the processes of this machine that listen where `url` points: none where it is another machine, or they are not ours.

    Of processes that share a socket, as workers do, those whose parent does not.
    """
    parts = urlsplit(url)
    if not _is_this_machine(parts.hostname or ""):
        return []
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    pids = set()
    with contextlib.suppress(psutil.AccessDenied):  # some systems tell it to root only: then nobody is found
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
                pids.add(connection.pid)
    return sorted(_topmost(pids))


def _topmost(pids: Iterable[int]) -> set[int]:
    known = set(pids)
    parents = {}
    for pid in known:
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            parents[pid] = psutil.Process(pid).ppid()
    return {pid for pid, parent in parents.items() if parent not in known}


def _is_this_machine(host: str) -> bool:
    try:
        asked = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    ours = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    return bool(asked & ours)


def _reason(error: psutil.Error) -> str:
    return "there is none" if isinstance(error, psutil.NoSuchProcess) else "it belongs to another user"
