"""The stack of one configuration: a gateway with a Triton and a Valkey of its own, on a private copy of the model."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.gateway_process import RunningGateway, running_gateway
from loadtest.sweep.knobs import Knobs
from loadtest.sweep.stack import triton_statistics
from loadtest.sweep.stack.observer import Reading
from loadtest.sweep.stack.packaged import PackagedModel
from loadtest.sweep.stack.process_use import triton_address, use_of


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack that serves one version of one model."""

    gateway: RunningGateway
    triton: str
    model: str
    version: int

    def read(self) -> Reading:
        """What it has done and taken until now."""
        return Reading(triton_statistics.read(self.triton, self.model, self.version), use_of(self.gateway.pid))


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
