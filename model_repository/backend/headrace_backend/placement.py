"""Where and how a graph runs: `parameters` of a model's `config.pbtxt`, and what `auto` means.

| parameter | values | default |
| --- | --- | --- |
| `execution_provider` | an ONNX Runtime provider | `CPUExecutionProvider` |
| `device_id` | number of the GPU | 0 |
| `intra_op_threads` | `auto`, or a number from 1 | `auto`: cores / instances, at least 1 |
| `lone_text_threads` | `auto`, or a number from 1 | `auto`: a CPU's cores, at most 4 |
| `allow_spinning` | `auto`, `0`, `1` | `auto`: `0` |
| `io_binding` | `auto`, `0`, `1` | `auto`: kept where it is clearly faster at load |
| `engine_cache` | a folder | the user's cache: TensorRT keeps its engines there |
| `cost_budget_seconds` | a number from 0 | 0.5: how long sub-batches are timed at load |

*Threads.* One single-threaded instance for each core answers more texts than one instance with all
cores, and this is what export writes. The number of instances is in the file and the cores are
those of the machine that serves, so with `auto` fewer instances than cores still use the whole
machine; `auto` divides the machine's cores by the model's instances. *Spinning* threads wait for
work without leaving their core; with a gateway on the same cores that costs more than it gains, and
a backend cannot see what else runs there. *A lone text*, while no instance runs another, gets more
threads, which spin until it is answered; for that an instance loads the graph a second time. On a
GPU `auto` gives it `intra_op_threads`. The measurements are in `model_repository/README.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from headrace_backend.machine import cores
from headrace_backend.tensorrt import EngineLimits

AUTO = "auto"
MAX_LONE_TEXT_THREADS = 4
_SWITCH = {AUTO: None, "0": False, "1": True}


class PlacementError(RuntimeError):
    """A parameter that cannot be met; the message names it and says what it must be."""


@dataclass(frozen=True)
class Placement:
    """Where a session runs, with threads of its own for the part that runs on the CPU.

    `io_binding` None: whichever is faster.
    """

    provider: str = "CPUExecutionProvider"
    device_id: int = 0
    intra_op_threads: int = 1
    allow_spinning: bool | Literal["while running"] = False
    io_binding: bool | None = None
    cost_budget_s: float = 0.5
    lone_text_threads: int = 1
    engine_cache: Path | None = None
    limits: EngineLimits | None = None
    """What TensorRT needs in order to build an engine."""

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str], instances: int = 1) -> "Placement":
        """The placement that a model's configuration asks for.

        `instances` of it share this machine.

        Raises:
            PlacementError: a value that is not possible; the message names the parameter.
        """
        threads = parameters.get("intra_op_threads", AUTO)
        share = max(1, cores() // instances)
        provider = parameters.get("execution_provider", cls.provider)
        own = share if threads == AUTO else _whole_number(parameters, "intra_op_threads", share, least=1)
        lone = max(own, min(cores(), MAX_LONE_TEXT_THREADS)) if provider == cls.provider else own
        if parameters.get("lone_text_threads", AUTO) != AUTO:
            lone = _whole_number(parameters, "lone_text_threads", lone, least=1)
        return cls(
            provider=provider,
            device_id=_whole_number(parameters, "device_id", cls.device_id, least=0),
            intra_op_threads=own,
            allow_spinning=_switch(parameters, "allow_spinning") or False,
            io_binding=_switch(parameters, "io_binding"),
            cost_budget_s=_seconds(parameters, "cost_budget_seconds", cls.cost_budget_s),
            lone_text_threads=lone,
            engine_cache=Path(parameters["engine_cache"]) if parameters.get("engine_cache") else None,
        )

    def for_lone_texts(self) -> "Placement | None":
        """The placement of the session for lone texts.

        None where the instance's own session has as many threads.
        """
        if self.lone_text_threads <= self.intra_op_threads:
            return None
        return replace(self, intra_op_threads=self.lone_text_threads, allow_spinning="while running")

    def advice(self, instances: int) -> str | None:
        """What to change in `config.pbtxt` where more instances than cores share this machine.

        None where there are not more.
        """
        if self.provider != "CPUExecutionProvider" or instances <= cores():
            return None
        return f"{instances} instances share {cores()} cores of this machine; set count in instance_group of config.pbtxt to {cores()}."


def _whole_number(parameters: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = parameters.get(name, str(default))
    if not text.isdecimal() or int(text) < least:
        raise PlacementError(f"Parameter {name} is {text!r}; it must be a whole number from {least} up.")
    return int(text)


def _switch(parameters: Mapping[str, str], name: str) -> bool | None:
    text = parameters.get(name, AUTO)
    if text not in _SWITCH:
        raise PlacementError(f"Parameter {name} is {text!r}; it must be one of {', '.join(_SWITCH)}.")
    return _SWITCH[text]


def _seconds(parameters: Mapping[str, str], name: str, default: float) -> float:
    text = parameters.get(name, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise PlacementError(f"Parameter {name} is {text!r}; it must be a number of seconds from 0 up.")
    return seconds
