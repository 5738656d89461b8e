"""Stacks that serve a repository: each leaves a small file in it, so that other programs find it.

    <repository>/.stack-<pid>.json

A file whose process has ended says nothing, and is removed by who finds it.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

_PREFIX, _SUFFIX = ".stack-", ".json"
_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Stack:
    """A gateway with a Triton on this machine.

    `triton_url` is host:port of its HTTP endpoint, `triton_name` what it calls itself; `started`
    tells the process `pid` from a later one of the same number.
    """

    pid: int
    started: str
    triton_url: str
    triton_name: str
    gateway_url: str

    @property
    def alive(self) -> bool:
        """Whether its process runs, and its Triton answers by its name."""
        return _started(self.pid) == self.started and _name(self.triton_url) == self.triton_name


@contextmanager
def announced(repository: Path, triton_url: str, triton_name: str, gateway_url: str) -> Iterator[None]:
    """Let others find this process's stack while it serves a repository.

    Raises:
        OSError: the repository cannot be written; nothing is announced.
    """
    stack = Stack(os.getpid(), _started(os.getpid()) or "", triton_url, triton_name, gateway_url)
    path = repository / f"{_PREFIX}{stack.pid}{_SUFFIX}"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(stack)), encoding="utf-8")
    part.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find(repository: Path) -> list[Stack]:
    """The stacks that serve a repository now, the one that started last first."""
    found = []
    for path in sorted(repository.glob(f"{_PREFIX}*{_SUFFIX}"), key=lambda path: -_changed(path)):
        stack = _read(path)
        if stack and stack.alive:
            found.append(stack)
        elif stack and _started(stack.pid) != stack.started:
            with contextlib.suppress(OSError):  # of a process that was killed
                path.unlink()
    return found


def _read(path: Path) -> Stack | None:
    try:
        return Stack(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None where there is none."""
    try:
        # the name, which may hold anything, stands in parentheses
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def _name(url: str) -> str | None:
    """What the Triton at a URL calls itself; None where none answers."""
    host, _, port = url.rpartition(":")
    try:
        connection = HTTPConnection(host, int(port), timeout=_TIMEOUT_S)
        try:
            connection.request("GET", "/v2")
            name = json.loads(connection.getresponse().read()).get("name")
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None
