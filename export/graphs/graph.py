"""An ONNX graph in ONNX Runtime."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnxruntime as ort
from headrace_backend.fusions import left_out
from onnxruntime.capi import onnxruntime_pybind11_state as native

from export.errors import ExportError, first_line
from export.graphs.batches import BatchInputs, Floats

CPU = "CPUExecutionProvider"

ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    NotImplementedError,
    ValueError,
    KeyError,
    # the library's own errors have no common base class
    *(found for found in vars(native).values() if isinstance(found, type) and issubclass(found, Exception)),
)
"""What ONNX Runtime and the tools around it raise for a graph that they cannot work on."""


class Graph:
    """A session on a graph; call it with padded inputs to get its `outputs` as float32 [batch, …].

    `threads` is the number of intra-op threads, 0 for ONNX Runtime's choice.

    Raises:
        ExportError: ONNX Runtime cannot run the graph, or has not the execution provider.
    """

    def __init__(self, path: Path, outputs: Iterable[str], threads: int = 0, provider: str = CPU) -> None:
        if provider not in (available := ort.get_available_providers()):
            raise ExportError(f"this ONNX Runtime has no {provider}, only {', '.join(available)}")
        options = ort.SessionOptions()
        # as the backend's sessions: signed 8-bit weights are right without VNNI, too
        options.add_session_config_entry("session.x64quantprecision", "1")
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors: the rest is about the optimizer's own work
        try:
            providers = [provider] if provider == CPU else [provider, CPU]
            # what is measured here is what will be served
            self.session = ort.InferenceSession(str(path), options, providers=providers, disabled_optimizers=left_out(provider))
        except ORT_ERRORS as exc:
            raise ExportError(f"ONNX Runtime's {provider} cannot run the graph: {first_line(exc)}") from exc
        # where a provider cannot start, ONNX Runtime only logs it and runs on the CPU
        if (active := self.session.get_providers()[0]) != provider:
            raise ExportError(f"ONNX Runtime's {provider} could not start; it would have used {active}")
        self.input_names = [node.name for node in self.session.get_inputs()]
        self._outputs = list(outputs)

    def __call__(self, inputs: BatchInputs) -> list[Floats]:
        """Run one padded batch; inputs that the graph does not have are left out.

        Raises:
            ExportError: ONNX Runtime cannot run it.
        """
        try:
            outputs = self.session.run(self._outputs, {name: inputs[name] for name in self.input_names})
        except ORT_ERRORS as exc:
            shape = " x ".join(map(str, inputs["input_ids"].shape))
            raise ExportError(f"ONNX Runtime cannot run the graph on a batch of {shape} tokens: {first_line(exc)}") from exc
        return [np.asarray(output, dtype=np.float32) for output in outputs]


def provider_here(wanted: str) -> str:
    """The execution provider that is wanted, or the CPU's where this ONNX Runtime lacks it."""
    return wanted if wanted in ort.get_available_providers() else CPU
