"""Checks of a graph: the tensors that the backend expects, and PyTorch's answers on padded batches of real texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.batches import Run, pad
from export.errors import ExportError
from export.graph import Graph
from export.tasks.task import Task
from export.tokenization import Encoded
from model_repository.manifest import Optimization, Precision

BATCH_SIZE = 8

FP32_LOGITS_ATOL = 1e-3
"""Another order of the same fp32 arithmetic: differences of 1e-5 are usual."""

MEAN_SCORE_ATOL: dict[Precision, float] = {"fp16": 0.005, "int8-dynamic": 0.03, "int8-static": 0.03}
"""How far scores may move on average in reduced precision. A broken graph moves them by tenths; what it costs in quality the gate says."""


APPROXIMATED_SCORE_ATOL = 0.005
"""How far scores of fp32 may move on average where optimization O3 approximates GELU by tanh."""


@dataclass(frozen=True)
class Difference:
    """A graph against PyTorch on the same padded batches: largest difference of outputs, mean difference of scores."""

    max_logits: float
    mean_scores: float


class Probe:
    """Padded batches of real texts, short and long ones together, with PyTorch's outputs for them."""

    def __init__(self, reference: Run, encoded: Encoded, rows: Sequence[int], task: Task) -> None:
        batches = len(rows) // BATCH_SIZE or 1
        self.texts = len(rows)
        self._task = task
        # the rows come in order of length: every n-th of them makes a batch of mixed lengths
        self._padded = [pad(encoded, rows[at::batches]) for at in range(batches)]
        self._expected = np.concatenate([reference(inputs) for inputs in self._padded])

    def difference(self, graph: Run) -> Difference:
        """Run the batches through a graph."""
        actual = np.concatenate([graph(inputs) for inputs in self._padded])
        scores = np.abs(self._task.scores(actual) - self._task.scores(self._expected))
        return Difference(float(np.abs(actual - self._expected).max()), float(scores.mean()))


def check_tensors(graph: Graph, task: Task, labels: int) -> None:
    """Compare a graph's inputs and outputs with what the backend feeds and reads.

    Raises:
        ExportError: a name, type or shape that the backend does not know.
    """
    inputs = {node.name: node for node in graph.session.get_inputs()}
    if missing := [name for name in task.required_inputs if name not in inputs]:
        raise ExportError(f"the graph has no input {', '.join(missing)}; its inputs are {', '.join(inputs)}")
    if unknown := [name for name in inputs if name not in (*task.required_inputs, *task.optional_inputs)]:
        raise ExportError(f"the graph needs the input {', '.join(unknown)}, which {task.name} does not feed")
    for name, node in inputs.items():
        if node.type != "tensor(int64)" or len(node.shape) != 2 or any(isinstance(size, int) for size in node.shape):
            raise ExportError(f"the graph's input {name} is {node.type} {node.shape}; int64 with free batch and sequence axes is needed")
    outputs = {node.name: node for node in graph.session.get_outputs()}
    if task.output not in outputs:
        raise ExportError(f"the graph has no output {task.output}; its outputs are {', '.join(outputs)}")
    node = outputs[task.output]
    if node.type != "tensor(float)" or len(node.shape) != 2 or (isinstance(node.shape[1], int) and node.shape[1] != labels):
        raise ExportError(f"the graph's output {task.output} is {node.type} {node.shape}; float32 [batch, {labels}] is needed")


def require_same(found: Difference) -> None:
    """The fp32 graph's answers are PyTorch's.

    Raises:
        ExportError: they differ by more than the arithmetic explains.
    """
    # NaN fails too
    if not found.max_logits <= FP32_LOGITS_ATOL:
        raise ExportError(
            f"the fp32 graph's outputs differ from PyTorch's by up to {found.max_logits:.2g} on padded batches; "
            f"at most {FP32_LOGITS_ATOL:g} is allowed"
        )


def require_close(found: Difference, precision: Precision, optimization: Optimization | None = None) -> None:
    """The graph of reduced precision, or with an approximation, answers nearly as PyTorch does.

    Raises:
        ExportError: scores moved by more than the precision explains.
    """
    if precision == "fp32" and optimization != "O3":
        return require_same(found)
    bound = APPROXIMATED_SCORE_ATOL if precision == "fp32" else MEAN_SCORE_ATOL[precision]
    if not found.mean_scores <= bound:
        name = f"{precision} with {optimization}" if optimization else precision
        raise ExportError(f"scores of {name} differ from PyTorch's by {found.mean_scores:.4f} on average; at most {bound:g} is allowed")
    return None
