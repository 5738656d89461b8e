"""A running Triton, over gRPC: load, unload, and the states of its models' versions.

Its errors are translated here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from export.errors import ExportError
from model_repository.control import Control, Refused, Unanswered, control

READY = "READY"
_HOST_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):([0-9]{1,5})")


class TritonRefused(ExportError):
    """Triton answered, and refused the request; the message holds its reason."""


@dataclass(frozen=True)
class State:
    """Triton's state of one version; `reason` is Triton's where the version is not ready."""

    name: str
    reason: str

    @property
    def ready(self) -> bool:
        """Whether Triton answers for this version."""
        return self.name == READY


class RunningTriton:
    """A client of one Triton; `url` is host:port of its gRPC endpoint."""

    def __init__(self, url: str, triton: Control) -> None:
        self.url = url
        self._triton = triton

    def load(self, model: str) -> None:
        """Load a model, also again after its folder changed.

        Ready versions keep answering meanwhile.

        Raises:
            TritonRefused: a version did not load (those that did are served).
            ExportError: Triton does not answer.
        """
        with self._translated(f"load {model}"):
            self._triton.load(model)

    def unload(self, model: str) -> None:
        """Unload all versions of a model.

        Raises:
            ExportError: Triton refused or does not answer.
        """
        with self._translated(f"unload {model}"):
            self._triton.unload(model)

    def states(self) -> dict[tuple[str, int], State]:
        """The state of each (model, version) that Triton knows.

        Raises:
            ExportError: Triton does not answer.
        """
        with self._translated("list its models"):
            index = self._triton.index()
        return {
            (entry["name"], int(entry["version"])): State(entry.get("state", ""), _first_line(entry.get("reason", "")))
            for entry in index
            if entry.get("version", "").isdecimal()
        }

    @contextmanager
    def _translated(self, request: str) -> Iterator[None]:
        try:
            yield
        except Unanswered as exc:
            raise ExportError(f"Triton at {self.url} does not answer: check --triton (host:port of its gRPC endpoint)") from exc
        except Refused as exc:
            raise TritonRefused(f"Triton at {self.url} could not {request}: {_first_line(str(exc))}") from exc


@contextmanager
def connect(url: str | None) -> Iterator[RunningTriton | None]:
    """A client of the Triton at `url` (host:port); None where `url` is None or empty.

    Raises:
        ExportError: a URL with a scheme, or one that is not host:port.
    """
    if not url:
        yield None
        return
    if "://" in url:
        raise ExportError(f"--triton {url}: give host:port of Triton's gRPC endpoint, without a scheme")
    if not (match := _HOST_PORT.fullmatch(url)) or not 0 < int(match[1]) < 1 << 16:
        raise ExportError(f"--triton {ascii(url)[1:-1]}: give host:port of Triton's gRPC endpoint, such as 127.0.0.1:8001")
    with control(url) as triton:
        yield RunningTriton(url, triton)


def _first_line(reason: str) -> str:
    """Triton's reason without the place in the backend's code: that is in its log."""
    return reason.partition("\n")[0].strip()
