"""An ONNX graph in ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from export.batches import BatchInputs
from export.tasks.task import Floats


class Graph:
    """A session on a graph; call it with padded inputs to get one output as float32 [batch, labels].

    `threads` is the number of intra-op threads, 0 for ONNX Runtime's choice.
    """

    def __init__(self, path: Path, output: str, threads: int = 0) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors: the rest is about the optimizer's own work
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input_names = [node.name for node in self.session.get_inputs()]
        self._output = output

    def __call__(self, inputs: BatchInputs) -> Floats:
        """Run one padded batch; inputs that the graph does not have are left out."""
        [output] = self.session.run([self._output], {name: inputs[name] for name in self.input_names})
        return np.asarray(output, dtype=np.float32)
