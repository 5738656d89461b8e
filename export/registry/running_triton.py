"""A running Triton, over gRPC: load, unload, and the states of its models' versions.

Its errors are translated here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from export.errors import ExportError
from model_repository.control import Closed, Control, Lost, Refused, Unanswered, control

READY = "READY"
_HOST_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


class TritonRefused(ExportError):
    """Triton answered, and refused the request; the message holds its reason."""


class TritonLost(ExportError):
    """Triton stopped answering while it was asked: it may have done it, or do it yet."""


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
            TritonLost: Triton stopped answering meanwhile.
            ExportError: Triton does not answer, or lets nobody load.
        """
        with self._translated(f"load {model}"):
            self._triton.load(model)

    def unload(self, model: str) -> None:
        """Unload all versions of a model.

        Raises:
            TritonLost: Triton stopped answering meanwhile.
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
            (entry.name, int(entry.version)): State(entry.state, _first_line(entry.reason)) for entry in index if entry.version.isdecimal()
        }

    @contextmanager
    def _translated(self, request: str) -> Iterator[None]:
        try:
            yield
        except Lost as exc:
            raise TritonLost(f"Triton at {self.url} stopped answering while it was to {request} ({_first_line(str(exc))})") from exc
        except Unanswered as exc:
            raise ExportError(
                f"Triton at {self.url} does not answer: check --triton (host:port of its gRPC endpoint, without TLS): "
                f"{_first_line(str(exc))}"
            ) from exc
        except Closed as exc:
            reason = _first_line(str(exc))
            remedy = ": start it with --model-control-mode=explicit" if "explicit" in reason else ""
            raise ExportError(f"Triton at {self.url} lets nobody {request} ({reason}){remedy}") from exc
        except Refused as exc:
            raise TritonRefused(f"Triton at {self.url} could not {request}: {_first_line(str(exc))}") from exc


def address(text: str) -> str:
    """The text, which must be host:port.

    Raises:
        ExportError: it has a scheme, a path, or no port.
    """
    if (match := _HOST_PORT.fullmatch(text)) and 0 < int(match[1]) < 1 << 16:
        return text
    raise ExportError(f"{text!a} is no address of a Triton: give host:port of its gRPC endpoint, without a scheme, such as 127.0.0.1:8001")


@contextmanager
def connect(url: str | None) -> Iterator[RunningTriton | None]:
    """A client of the Triton at `url` (host:port); None where `url` is None or empty.

    Raises:
        ExportError: a URL that is not host:port.
    """
    if not url:
        yield None
        return
    with control(address(url)) as triton:
        yield RunningTriton(url, triton)


def _first_line(reason: str) -> str:
    """Triton's reason without the place in the backend's code: that is in its log."""
    return reason.partition("\n")[0].strip()
