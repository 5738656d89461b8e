"""Checks of a graph: the tensors that the backend expects, and the answers that PyTorch gives.

The answers are to padded batches of real texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from headrace_backend.session import INPUTS
from headrace_backend.tasks import Task as BackendTask

from export.checkpoints.tokenization import Encoded
from export.errors import ExportError
from export.graphs.batches import Floats, Run, pad
from export.graphs.graph import Graph
from export.tasks.task import Task
from model_repository.measured import Optimization, Precision
from model_repository.tensors import SCORES

BATCH_SIZE = 8
REQUIRED_INPUTS = ("input_ids", "attention_mask")

FP32_OUTPUTS_ATOL, FP32_OUTPUTS_RTOL = 1e-3, 1e-5
"""Another order of the same fp32 arithmetic: differences of 1e-5 are usual.

Of outputs that are large numbers, fp32 keeps seven digits: what may differ grows with an output's
largest value in PyTorch."""

MEAN_SCORE_ATOL: dict[Precision, float] = {"fp16": 0.005, "int8-dynamic": 0.03, "int8-static": 0.03}
"""How far scores may move on average in reduced precision.

A broken graph moves them by tenths; the gate measures what a sound one costs in quality.
"""


RELATIVE = 10
"""Logits and embeddings, relative to their size, move by this much more than probabilities do."""

APPROXIMATED_SCORE_ATOL = 0.005
"""How far scores of fp32 may move on average where optimization O3 approximates GELU by tanh."""


@dataclass(frozen=True)
class Difference:
    """A graph against PyTorch on the same padded batches.

    `max_outputs` is the largest difference of outputs, and `share_of_allowed` that of what fp32 may
    differ by. `mean_scores` is the mean difference of scores; of answers that are not probabilities
    it is relative to their root mean square, that of each output where a model has several.
    """

    max_outputs: float
    mean_scores: float
    share_of_allowed: float


class Probe:
    """Padded batches of real windows, short and long together, with PyTorch's outputs.

    Outputs are compared as they are, and as the backend's results for each window: scores, or
    values relative to their size.
    """

    def __init__(self, reference: Run, encoded: Encoded, backend: BackendTask, *, relative: bool) -> None:
        self.texts = len(encoded)
        self.relative = relative
        self._backend = backend
        # the windows come in order of length: every n-th of them makes a batch of mixed lengths
        batches = len(encoded) // BATCH_SIZE or 1
        self._batches = [encoded.some(range(at, len(encoded), batches)) for at in range(batches)]
        self._padded = [pad(batch, range(len(batch))) for batch in self._batches]
        self._expected = [reference(inputs) for inputs in self._padded]
        self._values = self._finish(self._expected)

    def difference(self, graph: Run) -> Difference:
        """Run the batches through a graph."""
        actual = [graph(inputs) for inputs in self._padded]
        furthest, share = 0.0, 0.0
        for output, allowed in enumerate(self._allowed):
            for got, right in zip(actual, self._expected, strict=True):
                difference = np.abs(got[output] - right[output])
                # NaN stays the largest
                furthest = float(np.maximum(furthest, difference.max()))
                share = float(np.maximum(share, (difference / allowed).max()))
        difference = np.abs(self._finish(actual) - self._values)
        scale = np.sqrt((self._values**2).mean(axis=0)) if self.relative else 1.0
        return Difference(furthest, float((difference / scale).mean()), share)

    @cached_property
    def _allowed(self) -> list[Floats]:
        """What each output may differ by in fp32: each number of a row that has several."""
        found = []
        for batches in zip(*self._expected, strict=True):
            alike = batches[0].ndim == 2 and len({batch.shape[1] for batch in batches}) == 1
            rows = np.concatenate(batches) if alike else np.concatenate([np.ravel(batch) for batch in batches])[:, None]
            found.append(FP32_OUTPUTS_ATOL + FP32_OUTPUTS_RTOL * (np.abs(rows).max(axis=0) if alike else np.abs(rows).max()))
        return found

    def _finish(self, outputs: Sequence[Sequence[Floats]]) -> Floats:
        """What the backend makes of the outputs: a column for each score, or all numbers in one."""
        task, batches = self._backend, self._batches
        finished = (task.scores(task.finish(fetched, batch.windows)) for fetched, batch in zip(outputs, batches, strict=True))
        rows = [np.ravel(part) for values in finished for value in values for part in (value if isinstance(value, tuple) else (value,))]
        return np.stack(rows) if SCORES in task.widths else np.concatenate(rows)[:, None]


def check_tensors(graph: Graph, task: Task, labels: int) -> None:
    """Compare a graph's inputs and outputs with what the backend feeds and reads.

    `labels` is 0 for a task without labels.

    Raises:
        ExportError: a name, type or shape that the backend does not know.
    """
    inputs = {node.name: node for node in graph.session.get_inputs()}
    if missing := [name for name in REQUIRED_INPUTS if name not in inputs]:
        raise ExportError(f"the graph has no input {', '.join(missing)}; its inputs are {', '.join(inputs)}")
    if unknown := [name for name in inputs if name not in INPUTS]:
        raise ExportError(f"the graph needs the input {', '.join(unknown)}, which serving does not feed")
    for name, node in inputs.items():
        if node.type != "tensor(int64)" or len(node.shape) != 2 or any(isinstance(size, int) for size in node.shape):
            raise ExportError(f"the graph's input {name} is {node.type} {node.shape}; int64 with free batch and sequence axes is needed")
    outputs = {node.name: node for node in graph.session.get_outputs()}
    for name, axes in task.outputs.items():
        if name not in outputs:
            raise ExportError(f"the graph has no output {name}; its outputs are {', '.join(outputs)}")
        node = outputs[name]
        wrong_labels = labels and isinstance(node.shape[-1], int) and node.shape[-1] != labels
        if node.type != "tensor(float)" or len(node.shape) != axes or wrong_labels:
            needed = ", ".join(["batch", *(["sequence"] if axes == 3 else []), str(labels or "…")])
            raise ExportError(f"the graph's output {name} is {node.type} {node.shape}; float32 [{needed}] is needed")


def require_same(found: Difference) -> None:
    """The fp32 graph's answers are PyTorch's.

    Raises:
        ExportError: they differ by more than the arithmetic explains.
    """
    # NaN fails too
    if not found.share_of_allowed <= 1:
        raise ExportError(
            f"the fp32 graph's outputs differ from PyTorch's by up to {found.max_outputs:.2g} on padded batches; "
            f"at most {FP32_OUTPUTS_ATOL:g} and {FP32_OUTPUTS_RTOL:g} of an output's largest value are allowed"
        )


def require_close(found: Difference, precision: Precision, optimization: Optimization | None = None, *, relative: bool = False) -> None:
    """The graph of reduced precision, or with an approximation, answers nearly as PyTorch does.

    Raises:
        ExportError: scores moved by more than the precision explains.
    """
    if precision == "fp32" and optimization != "O3":
        return require_same(found)
    bound = (APPROXIMATED_SCORE_ATOL if precision == "fp32" else MEAN_SCORE_ATOL[precision]) * (RELATIVE if relative else 1)
    if not found.mean_scores <= bound:
        name = f"{precision} with {optimization}" if optimization else precision
        raise ExportError(f"scores of {name} differ from PyTorch's by {found.mean_scores:.4f} on average; at most {bound:g} is allowed")
    return None
