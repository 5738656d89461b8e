"""How every graph is judged: by PyTorch's answers on padded batches, and by the gate.

The gate measures it on the evaluation set.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from export.errors import ExportError
from export.evaluation.quality import measure_quality, require_quality
from export.evaluation.split import judging_rows
from export.graphs import checks
from export.graphs.batches import Padded, Run
from export.graphs.graph import Graph
from export.graphs.serving import Outputs
from export.graphs.subject import Subject
from export.recipe.sets import Evaluation
from export.tasks.task import Task
from model_repository.measured import Optimization, Precision, Quality

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
    """A graph's answers to the evaluation set, how many are the reference's, and their quality.

    `quality` is None where nobody judges it.
    """

    answers: Outputs
    same: NDArray[np.bool_]
    quality: Quality | None


@dataclass(frozen=True)
class Gate:
    """The evaluation set, and what the reference answers to it.

    `evaluation` is None where nobody judges the quality; `rows` are the examples that count, all
    where it is None; `findings` is what the manifest keeps of the set and its reference.
    """

    subject: Subject
    evaluation: Evaluation | None
    expected: Outputs
    findings: Mapping[str, object] = field(default_factory=dict)
    rows: NDArray[np.bool_] | None = None

    def halves(self) -> tuple["Gate", "Gate"]:
        """One gate that chooses between versions, and one on other examples that judges.

        Where nobody judges, each is this gate.

        Raises:
            RecipeError: there are too few examples to halve.
        """
        if self.evaluation is None:
            return self, self
        dataset = self.subject.dataset
        judging = judging_rows(len(dataset), dataset.slices)
        chosen_on = {**self.findings, "chosen_on": int((~judging).sum())}
        return replace(self, rows=~judging), replace(self, rows=judging, findings=chosen_on)

    @property
    def examples(self) -> int:
        """How many examples count."""
        return len(self.subject.dataset) if self.rows is None else int(self.rows.sum())

    def measure(self, run: Run, advance: Advance = lambda done, total: None) -> Measured:
        """What a graph answers, and how good that is."""
        subject = self.subject
        actual = subject.serving.answer(Padded(run, subject.encoded.pad_id), subject.items, advance)
        return Measured(actual, subject.assessment.same_answer(self.expected, actual), self.quality_of(actual))

    def quality_of(self, answers: Outputs) -> Quality | None:
        """How good answers to the evaluation set are; None where nobody judges."""
        if self.evaluation is None:
            return None
        subject = self.subject
        quality = measure_quality(
            subject.assessment, self.evaluation, subject.dataset, subject.truth, self.expected, answers, rows=self.rows
        )
        return quality.model_copy(update=dict(self.findings))

    def judge(self, graph: Graph, check: Check, precision: Precision, optimization: Optimization | None) -> tuple[float | None, str | None]:
        """The metric, and why the graph may not be packaged; None: it may.

        Checks and gate give the reason. The metric is None where nobody judges.
        """
        quality = self.measure(graph).quality if self.evaluation else None
        packaged = quality.packaged if quality else None
        try:
            check(graph, precision, optimization)
            if quality:
                require_quality(quality, precision)
        except ExportError as exc:
            return packaged, str(exc)
        return packaged, None

    def cost(self, texts: int) -> Callable[[Run], float]:
        """How far a graph's scores are from the reference's on average.

        They are compared on a seeded sample of at most `texts` texts, of the examples that count.
        """
        encoded = self.subject.encoded
        if self.rows is not None:
            encoded = self.subject.encoded_of(np.flatnonzero(self.rows).tolist())
        rows = np.sort(np.random.default_rng(SAMPLE_SEED).permutation(len(encoded))[:texts])
        probe = checks.Probe(self.subject.run, encoded.some(rows.tolist()), self.subject.serving.backend, relative=self.subject.relative)
        return lambda run: probe.difference(run).mean_scores
