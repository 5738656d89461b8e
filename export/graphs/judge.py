"""How every graph is judged: by PyTorch's answers on padded batches, and by the gate.

The gate measures it on the evaluation set.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from export.errors import ExportError
from export.evaluation.quality import measure_quality, require_quality
from export.graphs import checks
from export.graphs.batches import Padded, Run
from export.graphs.graph import Graph
from export.graphs.serving import Outputs
from export.graphs.subject import Subject
from export.recipe.recipe import Evaluation
from export.tasks.task import Task
from model_repository.manifest import Optimization, Precision, Quality

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
        checks.require_close(found, precision, optimization, relative=self.probe.relative)
        return found


@dataclass(frozen=True)
class Measured:
    """A graph's answers to the evaluation set, and their quality."""

    answers: Outputs
    quality: Quality


@dataclass(frozen=True)
class Gate:
    """The evaluation set, and what the reference answers to it."""

    subject: Subject
    evaluation: Evaluation
    expected: Outputs

    def measure(self, run: Run, advance: Advance = lambda done, total: None) -> Measured:
        """What a graph answers, and how good that is."""
        subject = self.subject
        actual = subject.serving.answer(Padded(run, subject.encoded.pad_id), subject.items, advance)
        quality = measure_quality(subject.assessment, self.evaluation, subject.dataset, subject.truth, self.expected, actual)
        return Measured(actual, quality)

    def judge(self, graph: Graph, check: Check, precision: Precision, optimization: Optimization | None) -> tuple[float, str | None]:
        """The metric, and why the graph may not be packaged; None: it may.

        Checks and gate give the reason.
        """
        quality = self.measure(graph).quality
        try:
            check(graph, precision, optimization)
            require_quality(quality, precision)
        except ExportError as exc:
            return quality.packaged, str(exc)
        return quality.packaged, None

    def cost(self, texts: int) -> Callable[[Run], float]:
        """How far a graph's scores are from the reference's on average.

        They are compared on a seeded sample of at most `texts` texts.
        """
        encoded = self.subject.encoded
        rows = np.sort(np.random.default_rng(SAMPLE_SEED).permutation(len(encoded))[:texts])
        probe = checks.Probe(self.subject.run, encoded.some(rows.tolist()), self.subject.serving.backend, relative=self.subject.relative)
        return lambda run: probe.difference(run).mean_scores
