"""The steps in which texts are answered by the reference, and in company: alone and together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_backend.items import Item

from export.checkpoints.libraries import CheckpointLibraries
from export.checkpoints.load import Reference
from export.counts import counted
from export.errors import ExportError
from export.graphs import company
from export.graphs.ask_alone import ask_alone
from export.graphs.batches import Padded, spread
from export.graphs.company import Moved
from export.graphs.graph import Graph
from export.graphs.judge import Gate
from export.graphs.making import Graphs, Making
from export.graphs.reference import reference_outputs
from export.graphs.reference_quality import examine, refusal
from export.graphs.serving import Outputs
from export.graphs.subject import Subject
from export.inputs import Inputs
from export.progress import INDENT, Progress


@dataclass(frozen=True)
class Asked:
    """Texts that are asked about alone and together, and the reference's answers to them."""

    items: Sequence[Item]
    expected: Sequence[Any]


def ask_reference(inputs: Inputs, reference: Reference, subject: Subject, cache: Path, progress: Progress) -> tuple[Gate, Outputs]:
    """Take the reference's answers to the evaluation set, which the gate compares with, and those
    to the repository's own texts.

    They are read from `cache` where it has them.

    Raises:
        ExportError: the reference is no measure for the packaged version, and the recipe does not
            allow that.
    """
    evaluation, examples = inputs.recipe.evaluation, len(subject.items)
    with progress.step("reference", f"PyTorch answers {counted(examples, 'text')}, each alone") as step:
        answers = reference_outputs(
            lambda: ask_alone(subject.task, subject, CheckpointLibraries(inputs, reference).copy, step.advance),
            examples + len(subject.own_items),
            cache / inputs.reference_digest.removeprefix("sha256:")[:32],
        )
        expected, own = answers[:examples], answers[examples:]
        step.note = f"PyTorch fp32 on {counted(examples, 'text')}, each alone"
        if evaluation is None:
            return Gate(subject, None, expected), own
        found = examine(subject, evaluation, expected)
        step.note += f": {found.described}"
    if found.fault and not evaluation.allow_weak_reference:
        raise ExportError(refusal(found.fault))
    if found.fault:
        progress.say(f"{INDENT}WEAK REFERENCE, which the recipe allows: {found.fault}")
    return Gate(subject, evaluation, expected, found.findings(subject.dataset.reading.notes)), own


def in_company(gate: Gate, own: Outputs) -> Asked:
    """Texts of the set and the repository's own, and the reference's answers to them."""
    subject = gate.subject
    rows = spread([len(item.text) + len(item.text_pair or b"") for item in subject.items], company.TEXTS)
    asked = {subject.items[row]: gate.expected[row] for row in rows} | dict(zip(subject.own_items, own, strict=True))
    return Asked([*asked], [*asked.values()])


def compare_company(subject: Subject, fp32: Path, asked: Asked, progress: Progress) -> None:
    """Compare the fp32 graph with the reference, before others are made of it."""
    with progress.step("company", f"asking about {len(asked.items)} texts alone and together") as step:
        runs = Padded(Graph(fp32, subject.task.outputs), subject.encoded.pad_id)
        found = company.compare(subject.serving, runs, asked.items, asked.expected, embeddings=subject.embeddings)
        step.note = (
            f"{found.texts} texts are answered as by the reference: within {found.alone:.1g} alone, {found.together:.1g} together "
            f"({found.unit})"
        )


def move_in_company(making: Making, subject: Subject, graphs: Graphs, asked: Asked) -> Moved | None:
    """How far the packaged graph's answers move in company; None where it is the fp32 graph, which
    was compared with the reference.

    Raises:
        ExportError: they move by more than the precision explains.
    """
    if graphs.packaged == graphs.fp32:
        return None
    precision = making.recipe.packaged_precision
    with making.progress.step("moved", f"asking the packaged graph about {len(asked.items)} texts alone and together") as step:
        runs = Padded(Graph(graphs.packaged, making.outputs, provider=making.provider), subject.encoded.pad_id)
        found = company.moved(subject.serving, runs, asked.items, embeddings=subject.embeddings, decide=subject.assessment.decide)
        company.require_same_in_company(found, precision)
        step.note = f"in company answers move {found.described} of {found.answers}"
    return found
