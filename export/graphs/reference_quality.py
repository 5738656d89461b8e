"""Whether the reference is a measure: it is better than chance, and its labels are in order."""

from collections.abc import Sequence
from dataclasses import dataclass

from export.counts import counted
from export.errors import ExportError
from export.evaluation.chance import Chance, compare_with_chance, weak_reference
from export.evaluation.label_order import better_order
from export.graphs.serving import Outputs
from export.graphs.subject import Subject
from export.recipe.sets import Evaluation


@dataclass(frozen=True)
class Examined:
    """The reference beside chance; `fault` says why it is no measure, if so."""

    metric: str
    chance: Chance
    fault: str | None

    @property
    def described(self) -> str:
        """In some words."""
        return f"{self.metric} {self.chance.measured:.4f}, {self.chance.expected:.4f} by chance"

    def findings(self, notes: Sequence[str]) -> dict[str, object]:
        """Fields of the manifest's quality."""
        return {"notes": tuple(notes), "chance": self.chance.expected, "weak_reference": self.fault}


def examine(subject: Subject, evaluation: Evaluation, expected: Outputs) -> Examined:
    """Compare the reference's answers with chance, and its labels with the evaluation set's.

    Raises:
        ExportError: the metric is not defined on the evaluation set.
    """
    assessment, examples = subject.assessment, len(subject.dataset)
    metric = assessment.metrics[evaluation.metric or next(iter(assessment.metrics))]
    found = compare_with_chance(assessment, metric, expected, subject.truth, examples)
    if found.measured != found.measured:
        raise ExportError(
            f"evaluation.metric: {metric.name} is not defined for the fp32 reference on the {counted(examples, 'example')} of "
            f"{subject.dataset.name}: its answers or the right ones are all the same; choose another evaluation.metric, or other examples"
        )
    faults = [weak_reference(found, metric.name, examples, subject.dataset.name)]
    if assessment.confusion and (order := better_order(assessment.confusion(expected, subject.truth, subject.serving.answering.labels))):
        faults.append(str(order))
    return Examined(metric.name, found, "; ".join(fault for fault in faults if fault) or None)


def refusal(fault: str) -> str:
    """Why nothing is packaged, and what to look at."""
    return (
        f"{fault}. A gate that compares with such a reference would let anything pass. Look at the checkpoint, at the order of its labels "
        "(id2label), and at the columns that the recipe names; if it is meant to be so, say evaluation: {allow_weak_reference: true}"
    )
