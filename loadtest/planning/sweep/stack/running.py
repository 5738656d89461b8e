"""The stack of one configuration: a gateway with a Triton and a Valkey of its own.

It serves a private copy of the model.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from loadtest.observation.process_names import http_address
from loadtest.observation.triton_statistics import Statistics, read_statistics
from loadtest.observation.watched_processes import WatchedProcesses
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.knobs import Knobs
from loadtest.planning.sweep.stack.packaged import PackagedModel
from loadtest.target.client import Client
from loadtest.target.gateway_process import RunningGateway, running_gateway


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack that serves one version of one model; `triton` is the URL of its Triton."""

    gateway: RunningGateway
    triton: str
    model: str
    version: int

    def read(self) -> Statistics:
        """What its Triton has done until now.

        Raises:
            NoAnswerError, TargetError: Triton's statistics could not be read.
        """
        with Client(self.triton) as client:
            return read_statistics(client, self.triton, self.model, self.version)


@contextmanager
def running_stack(packaged: PackagedModel, knobs: Knobs, on_progress: Callable[[str], None]) -> Iterator[Stack]:
    """Start the stack of a configuration, wait until it is ready, and stop it at the end.

    Raises:
        GatewayFailedError: it did not start; the message ends with its last words.
        SweepError: the knobs do not fit the packaged model.
    """
    model = packaged.folder.name
    with tempfile.TemporaryDirectory(prefix="headrace-sweep-") as folder:
        repository = Path(folder)
        packaged.copy(knobs, repository)
        settings = knobs.gateway_settings(model)
        with running_gateway(repository, model, settings, on_progress, workers=knobs.workers or 1) as gateway:
            yield Stack(gateway, triton_address(gateway.pid), model, packaged.version(knobs))


def triton_address(pid: int) -> str:
    """The URL of the tritonserver that descends from a gateway.

    Raises:
        SweepError: there is none.
    """
    for command in WatchedProcesses([pid], monotonic).tritons:
        return http_address(command)
    raise SweepError("the gateway has no tritonserver of its own whose statistics could be read")
