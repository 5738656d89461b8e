"""Stacks that serve a repository: each leaves a small file in it, so that other programs find it.

    <repository>/.stack-<pid>-<place>.json

A file whose process has ended says nothing, and is removed by who finds it. Whether a process of
another machine or container has ended cannot be seen from here, so its file stays. A repository
that was copied while it was served has the file of a stack that serves another folder: this is
passed over.
"""

import contextlib
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from http.client import HTTPConnection, HTTPException
from pathlib import Path

_PREFIX, _SUFFIX = ".stack-", ".json"
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Stack:
    """A gateway with a Triton on this machine.

    `triton_url` and `triton_grpc_url` are host:port of its HTTP and gRPC endpoints, `triton_name`
    what it calls itself; `started` tells the process `pid` from a later one of the same number, and
    `place` where numbers of processes mean the same, and `folder` the repository from a copy of it.
    A stack that another release started may not give `triton_grpc_url` and `folder`.
    """

    place: str
    pid: int
    started: str
    triton_url: str
    triton_name: str
    gateway_url: str
    triton_grpc_url: str = ""
    folder: str = ""

    @property
    def alive(self) -> bool:
        """Whether its process runs as far as can be seen, and its Triton answers by its name."""
        return not self.ended and _name(self.triton_url) == self.triton_name

    @property
    def here(self) -> bool:
        """Whether its process can be seen from here."""
        return self.place == _place()

    @property
    def ended(self) -> bool:
        """Whether its process is known to have ended."""
        return self.here and _started(self.pid) != self.started

    def serves(self, repository: Path) -> bool:
        """Whether it serves this folder, as far as that can be seen from here."""
        return not (self.here and self.folder) or self.folder == _folder(repository)


_FIELDS = frozenset(field.name for field in fields(Stack))


@contextmanager
def announced(repository: Path, triton_url: str, triton_grpc_url: str, triton_name: str, gateway_url: str) -> Iterator[None]:
    """Let others find this process's stack while it serves a repository.

    Raises:
        OSError: the repository cannot be written; nothing is announced.
    """
    pid = os.getpid()
    stack = Stack(_place(), pid, _started(pid) or "", triton_url, triton_name, gateway_url, triton_grpc_url, _folder(repository))
    # processes of several containers have the same number
    path = repository / f"{_PREFIX}{stack.pid}-{hashlib.sha256(stack.place.encode()).hexdigest()[:8]}{_SUFFIX}"
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
    for path, stack in _files(repository):
        if stack.alive:
            found.append(stack)
        elif stack.ended:
            with contextlib.suppress(OSError):  # of a process that was killed
                path.unlink()
    return found


def silent(repository: Path) -> list[Stack]:
    """Stacks that are not known to have ended, and whose Triton does not answer from here.

    Whether those of other machines or containers have ended cannot be seen.
    """
    return [stack for _, stack in _files(repository) if not stack.ended and not stack.alive]


def _files(repository: Path) -> list[tuple[Path, Stack]]:
    """The files that can be read with what they say, the youngest first."""
    paths = sorted(repository.glob(f"{_PREFIX}*{_SUFFIX}"), key=lambda path: -_changed(path))
    return [(path, stack) for path in paths if (stack := _read(path)) and stack.serves(repository)]


def _read(path: Path) -> Stack | None:
    try:
        # what another release says besides, and what it does not say, do not make it unreadable
        said = {name: value for name, value in json.loads(path.read_text(encoding="utf-8")).items() if name in _FIELDS}
        return Stack(**said)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _folder(repository: Path) -> str:
    """What a folder is on its file system, under whatever path it is reached."""
    found = repository.stat()
    return f"{found.st_dev}:{found.st_ino}"


def _place() -> str:
    """The boot of this machine and the namespace in which processes have the numbers that are seen
    here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None where there is none."""
    try:
        # the name, which may hold anything, stands in parentheses
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def _name(url: str) -> str | None:
    """What the Triton at a URL calls itself; None where none answers."""
    try:
        host, _, port = url.rpartition(":")
        connection = HTTPConnection(host, int(port), timeout=_TIMEOUT_S)
        try:
            connection.request("GET", "/v2")
            name = json.loads(connection.getresponse().read()).get("name")
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None
