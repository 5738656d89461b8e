"""The ONNX graph on the execution provider that was asked for, and on no other."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from headrace_backend import fusions, tensorrt
from headrace_backend.items import Window
from headrace_backend.placement import Placement

INPUTS = ("input_ids", "attention_mask", "token_type_ids", "pooling_mask")
"""What a graph may take. `pooling_mask` is the attention mask without the tokens of a prompt."""
TRIED_SHAPE = (4, 32)
"""The most rows and tokens of the runs that decide whether to bind inputs and outputs."""
TRIES = 5
CLEARLY_FASTER = 0.95


class SessionError(RuntimeError):
    """The graph cannot run as it was asked to; the message says why."""


class Session:
    """A graph from token ids to float32 arrays whose first axis is the batch."""

    def __init__(self, graph: Path, placement: Placement, outputs: Sequence[str], pad_id: int = 0) -> None:
        """Load a graph.

        Raises:
            SessionError: the execution provider is not active, or the graph has other inputs or
                outputs than it must have.
        """
        self._session = _open(graph, placement)
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._outputs = list(outputs)
        self._pad_id = pad_id
        if "input_ids" not in self._inputs or self._inputs.difference(INPUTS):
            raise SessionError(f"{graph.name} takes {', '.join(sorted(self._inputs))}; known are {', '.join(INPUTS)}.")
        if missing := set(outputs).difference(node.name for node in self._session.get_outputs()):
            raise SessionError(f"{graph.name} does not give {', '.join(sorted(missing))}.")
        self.io_binding = bool(placement.io_binding)

    def run(self, windows: Sequence[Window]) -> list[NDArray[np.float32]]:
        """The outputs [batch, …] for windows as one batch, padded to the longest."""
        values = padded(windows, self._pad_id)
        feed = {name: values[name] for name in self._inputs}
        fetched: list[NDArray[np.float32]] = self._run_bound(feed) if self.io_binding else self._session.run(self._outputs, feed)
        return fetched

    def _run_bound(self, feed: Mapping[str, NDArray[np.int64]]) -> Any:
        binding = self._session.io_binding()
        for name, values in feed.items():
            binding.bind_cpu_input(name, values)
        for name in self._outputs:
            binding.bind_output(name)
        self._session.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()

    def run_shape(self, batch: int, length: int) -> None:
        """Run a batch of this shape for the time that it takes."""
        self.run([Window(np.full(length, self._pad_id, dtype=np.int64))] * batch)

    def try_io_binding(self, max_batch: int, max_length: int) -> None:
        """Bind inputs and outputs from now on if the best of several turns is clearly faster so."""
        batch, length = min(TRIED_SHAPE[0], max_batch), min(TRIED_SHAPE[1], max_length)
        best_s = {False: float("inf"), True: float("inf")}
        for _ in range(TRIES):
            for self.io_binding in best_s:
                start_s = time.perf_counter()
                self.run_shape(batch, length)
                best_s[self.io_binding] = min(best_s[self.io_binding], time.perf_counter() - start_s)
        self.io_binding = best_s[True] < CLEARLY_FASTER * best_s[False]


def padded(windows: Sequence[Window], pad_id: int) -> dict[str, NDArray[np.int64]]:
    """`INPUTS` int64 [batch, longest window] of windows."""
    lengths = np.array([len(window.ids) for window in windows])
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate([window.ids for window in windows])
    type_ids = np.zeros_like(ids)
    for row, window in enumerate(windows):
        if window.type_ids is not None:
            type_ids[row, : len(window.type_ids)] = window.type_ids
    attention = mask.astype(np.int64)
    pooling = attention
    if any(window.not_pooled for window in windows):
        pooling = attention.copy()
        for row, window in enumerate(windows):
            pooling[row, : window.not_pooled] = 0
    return {"input_ids": ids, "attention_mask": attention, "token_type_ids": type_ids, "pooling_mask": pooling}


def _open(graph: Path, placement: Placement) -> ort.InferenceSession:
    if placement.provider not in ort.get_available_providers():
        available = ", ".join(ort.get_available_providers())
        raise SessionError(f"Execution provider {placement.provider} is not in this ONNX Runtime, which has {available}.")
    options = ort.SessionOptions()
    options.intra_op_num_threads = placement.intra_op_threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(bool(placement.allow_spinning))))
    if placement.allow_spinning == "while running":
        options.add_session_config_entry("session.force_spinning_stop", "1")
    # signed 8-bit weights saturate where the CPU has no VNNI, unless they are made unsigned there
    options.add_session_config_entry("session.x64quantprecision", "1")
    # a memory plan would be kept for every shape that ever ran
    options.enable_mem_pattern = False
    left_out = fusions.left_out(placement.provider)
    session = ort.InferenceSession(str(graph), options, providers=_providers(graph, placement), disabled_optimizers=left_out)
    # where a provider cannot start (no driver, no library) ONNX Runtime logs it and takes the CPU
    if (active := session.get_providers()[0]) != placement.provider:
        raise SessionError(f"Execution provider {placement.provider} could not start; ONNX Runtime would have used {active}.")
    return session


def _providers(graph: Path, placement: Placement) -> list[tuple[str, dict[str, Any]]]:
    """The provider that was asked for, with the CUDA provider below TensorRT.

    So what TensorRT has no kernel for stays on the GPU.
    """
    if placement.provider == tensorrt.PROVIDER:
        if placement.limits is None:
            raise SessionError("TensorRT needs the precision, the largest batch and the longest text to build an engine for.")
        cache = placement.engine_cache or tensorrt.default_engine_cache()
        cache.mkdir(parents=True, exist_ok=True)
        options = tensorrt.provider_options(placement.device_id, _input_names(graph), placement.limits, cache)
        return [(placement.provider, options), ("CUDAExecutionProvider", {"device_id": placement.device_id})]
    return [(placement.provider, {} if placement.provider == "CPUExecutionProvider" else {"device_id": placement.device_id})]


def _input_names(graph: Path) -> list[str]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return [node.name for node in ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"]).get_inputs()]
