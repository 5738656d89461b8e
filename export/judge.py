"""What every graph is judged by: PyTorch's answers on padded batches, and the gate on the evaluation set."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from export import checks
from export.batches import Run, outputs
from export.dataset import Dataset
from export.errors import ExportError
from export.graph import Graph
from export.quality import measure_quality, require_quality
from export.recipe import Evaluation
from export.tasks.task import Floats, Ints, Task
from export.tokenization import Encoded
from model_repository.manifest import Optimization, Precision, Quality

BATCH_SIZE = 8
SAMPLE_SEED = 20

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Check:
    """The checks of a graph by itself: its tensors, and its answers to the probe's batches."""

    task: Task
    labels: int
    probe: checks.Probe

    def __call__(self, graph: Graph, precision: Precision, optimization: Optimization | None = None) -> checks.Difference:
        """How far the graph is from PyTorch.

        Raises:
            ExportError: tensors that the backend does not know, or answers that moved too far.
        """
        checks.check_tensors(graph, self.task, self.labels)
        found = self.probe.difference(graph)
        checks.require_close(found, precision, optimization)
        return found


@dataclass(frozen=True)
class Gate:
    """The evaluation set with its `right` labels and the reference's outputs `expected` on it."""

    task: Task
    evaluation: Evaluation
    dataset: Dataset
    right: Ints
    encoded: Encoded
    expected: Floats

    def measure(self, run: Run, advance: Advance = lambda done, total: None) -> Quality:
        """The quality of a graph's answers."""
        actual = outputs(run, self.encoded, BATCH_SIZE, advance)
        return measure_quality(self.task, self.evaluation, self.dataset, self.right, self.expected, actual)

    def judge(self, graph: Graph, check: Check, precision: Precision, optimization: Optimization | None) -> tuple[float, str | None]:
        """The metric, and why the graph may not be packaged, if so: what the checks or the gate say."""
        quality = self.measure(graph)
        try:
            check(graph, precision, optimization)
            require_quality(quality, precision)
        except ExportError as exc:
            return quality.packaged, str(exc)
        return quality.packaged, None

    def cost(self, texts: int) -> Callable[[Run], float]:
        """How far a graph's scores are from the reference's on average, on a seeded sample of at most so many texts."""
        rows = np.sort(np.random.default_rng(SAMPLE_SEED).permutation(len(self.encoded))[:texts])
        sample, expected = self.encoded.some(rows.tolist()), self.task.scores(self.expected[rows])
        return lambda run: float(np.abs(self.task.scores(outputs(run, sample, BATCH_SIZE)) - expected).mean())
