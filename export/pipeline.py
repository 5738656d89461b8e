"""An export from its inputs to a packaged version: the steps, in the order in which they run.

    load → ask the reference → export → compare in any company → optimize → quantize → check → gate
    → measure → stage → ask through Triton → report → commit

With `precision: auto` all candidates are made and judged to choose one; where int8 does not pass,
layers are kept in fp32 until it does. Each step hands a value on and raises `ExportError` to stop;
nothing is in the repository before the last one.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from export.checkpoints.libraries import CheckpointLibraries
from export.checkpoints.load import Reference, load
from export.checkpoints.tokenization import require_same_tokens, write_tokenizer
from export.counts import counted
from export.data.dataset import Dataset
from export.data.texts import joined, own_texts
from export.errors import ExportError, RecipeError
from export.evaluation.assessment import Assessment
from export.graphs import checks, company, measure
from export.graphs.batches import Padded, spread
from export.graphs.build import Builder, CalibrationBatches
from export.graphs.graph import Graph, provider_here
from export.graphs.judge import Check, Gate
from export.graphs.making import Graphs, Making, make, make_best, megabytes, through_gate
from export.graphs.onnx_export import export_onnx
from export.graphs.onnx_file import size_bytes
from export.graphs.quantize import detect_instruction_set
from export.graphs.reference import ask_alone, reference_outputs, torch_run
from export.graphs.reference_quality import examine, refusal
from export.graphs.serving import Serving
from export.graphs.subject import Subject
from export.graphs.tail import TRANSFORMER_OUTPUT, append_tail, make_tail
from export.graphs.timing import time_latencies, time_speed
from export.inputs import Inputs
from export.outcome import Outcome
from export.progress import INDENT, Progress
from export.provenance import Provenance
from export.recipe.recipe import InstructionSet, Recipe
from export.recipe.sets import Evaluation
from export.registry import package
from export.registry.triton_check import TEXTS as TRITON_TEXTS
from export.registry.triton_check import check_through_triton
from export.report import HTML
from export.report.contents import Report, ThroughTriton
from export.report.differences import differences
from export.report.machine import describe_machine
from export.report.render import write_report
from export.tasks import TASKS
from export.tasks.task import Task
from model_repository.config import execution_provider
from model_repository.manifest import TOKENIZER, Answering, Manifest
from model_repository.server import TritonUnavailable
from model_repository.tensors import EMBEDDING

CHECKED_WINDOWS = 32


def export(
    inputs: Inputs,
    repository: Path,
    work: Path,
    progress: Progress,
    ask_triton: Callable[..., float] = check_through_triton,
    compare_speed: Callable[..., measure.Comparison] = measure.compare_speed,
    made_by: Provenance = Provenance(),  # noqa: B008 - frozen
) -> Manifest:
    """Export, check and package a version; intermediate files lie in `work`.

    `compare_speed` times the packaged graph beside fp32, `ask_triton` is the last check.

    Raises:
        ExportError: a step or a check failed; the repository is as it was.
    """
    recipe, begin = inputs.recipe, len(progress.finished)
    task = TASKS[recipe.task].for_checkpoint(inputs.checkpoint.folder)
    if recipe.calibration:
        package.require_provider(repository, recipe.model, execution_provider(recipe.target, recipe.packaged_precision))
    folder = _fresh_folder(work / recipe.model / str(recipe.version))

    reference, subject = _load(inputs, task, repository, folder / TOKENIZER, progress)
    gate = _ask_reference(inputs, reference, subject, work / "reference", progress)
    fp32, check = _export_fp32(subject, reference, folder / "fp32", progress)
    making = Making(recipe, _builder(inputs, reference, subject.serving, fp32, folder), check, progress)
    _compare_company(gate, fp32, progress)
    graphs = Graphs(fp32, fp32) if recipe.precision == "auto" else make(making)
    if recipe.precision == "auto":
        choosing, gate = gate.halves()
        recipe, graphs = make_best(making, choosing)
        making = replace(making, recipe=recipe)
    graphs, measured = through_gate(making, gate, graphs)
    speed = time_speed(making, graphs, subject.encoded, compare_speed)
    latencies = time_latencies(making, graphs, subject.encoded)
    manifest = Outcome(inputs, reference, making, graphs, folder / TOKENIZER, measured, speed).manifest(made_by)

    target = repository / recipe.model / str(recipe.version)
    with package.staging(repository, manifest, graphs.packaged, folder / TOKENIZER) as staged:
        triton = _ask_triton(staged, subject, folder / "triton.log", ask_triton, progress)
        with progress.step("report", "writing it") as step:
            answers = differences(gate, measured, embeddings=manifest.tensors.output == EMBEDDING)
            made_at = datetime.now(UTC).isoformat(timespec="seconds")
            report = Report(
                manifest,
                progress.finished[begin:],
                triton,
                answers,
                latencies,
                describe_machine(),
                made_at,
                _cautions(inputs, reference, task),
            )
            write_report(staged.version_folder, report)
            step.note = str(target / HTML)
        with progress.step("package", "putting the version into the repository") as step:
            package.commit(staged, repository)
            step.note = f"{target} ({manifest.digest[:19]})"
    return manifest


def _load(inputs: Inputs, task: Task, repository: Path, tokenizer: Path, progress: Progress) -> tuple[Reference, Subject]:
    """Load the model, and find all faults of the evaluation set before the long work."""
    recipe = inputs.recipe
    with progress.step("load", "reading the checkpoint") as step:
        reference = load(inputs, task)
        package.require_same_model(repository, recipe.model, recipe.version, reference.answering, recipe.target)
        write_tokenizer(reference.tokenizer, recipe.max_length, tokenizer, reference.pad_id)
        subject = _subject(inputs, task, reference, Serving(reference.answering, tokenizer))
        step.note = f"{recipe.checkpoint}{f' + {recipe.adapter}' if recipe.adapter else ''}, {_described(reference.answering)}"
    for note in subject.dataset.reading.notes:
        progress.say(f"{INDENT}evaluation set: {note}")
    return reference, subject


def _subject(inputs: Inputs, task: Task, reference: Reference, serving: Serving) -> Subject:
    evaluation, answering, truth = inputs.recipe.evaluation, reference.answering, None
    dataset = inputs.evaluation or _texts(inputs, task, answering)
    assessment = task.assessment(dataset, answering)
    items = task.items(dataset, answering)
    if evaluation is not None:
        truth = _truth(assessment, evaluation, dataset, answering)
        dataset.require_all_read(task.name)
    queries = serving.queries(items)
    require_same_tokens(reference.tokenizer, serving.tokenizer, queries)
    plan = task.tail(task.files(inputs.checkpoint.folder), reference.answering)
    tail = make_tail(plan, reference.model.config.hidden_size) if plan else None
    run = torch_run(reference.model, [TRANSFORMER_OUTPUT] if tail else task.outputs, token_types=reference.token_types)
    run = tail.after(run) if tail else run
    return Subject(task, assessment, dataset, truth, items, serving.encode(queries), serving, run, tail)


def _truth(assessment: Assessment, evaluation: Evaluation, dataset: Dataset, answering: Answering) -> Any:
    """The right answers, after what would keep a metric from judging by them."""
    metric = evaluation.metric or next(iter(assessment.metrics))
    if metric not in assessment.metrics:
        raise RecipeError(f"evaluation.metric: {metric!r} is not possible for this model; choose one of {', '.join(assessment.metrics)}")
    truth = assessment.truth(dataset, answering.labels)
    if fault := assessment.fault(metric, dataset, truth):
        raise RecipeError(fault)
    return truth


def _texts(inputs: Inputs, task: Task, answering: Answering) -> Dataset:
    """What the version is compared with its reference on where there is no evaluation set."""
    own = own_texts()
    task.assessment(own, answering)
    task.items(own, answering)
    found = joined(inputs.texts, own, own.reading.roles)
    if inputs.texts:
        inputs.texts.require_all_read(task.name)
    return found


def _export_fp32(subject: Subject, reference: Reference, folder: Path, progress: Progress) -> tuple[Path, Check]:
    """Export to ONNX; the graph is checked against PyTorch before another is made of it."""
    task, encoded = subject.task, subject.encoded
    with progress.step("onnx", "exporting the model, and comparing the graph with PyTorch") as step:
        fp32 = export_onnx(reference.model, task, folder, token_types=reference.token_types)
        if subject.tail:
            append_tail(fp32, subject.tail, reference.model.config.hidden_size)
        rows = spread(encoded.lengths, CHECKED_WINDOWS)
        probe = checks.Probe(subject.run, encoded.some(rows), subject.serving.backend, relative=subject.relative)
        check = Check(task, len(reference.answering.labels), probe)
        found = check(Graph(fp32, task.outputs), "fp32")
        step.note = f"{megabytes(fp32)}, outputs within {found.max_outputs:.1g} of PyTorch's on {probe.texts} padded texts"
        step.size_bytes = size_bytes(fp32)
    return fp32, check


def _builder(inputs: Inputs, reference: Reference, serving: Serving, fp32: Path, folder: Path) -> Builder:
    recipe, calibration = inputs.recipe, None
    if recipe.calibration and inputs.calibration:
        calibration = CalibrationBatches(recipe.calibration, serving.encode(inputs.calibration.queries))
    return Builder(fp32, folder, reference.model.config, recipe.target, _instruction_set(recipe), calibration)


def _instruction_set(recipe: Recipe) -> InstructionSet:
    """The recipe's; this machine's where the recipe does not say, or says `auto`."""
    if recipe.instruction_set is None or recipe.instruction_set == "auto":
        return detect_instruction_set()
    return recipe.instruction_set


def _ask_reference(inputs: Inputs, reference: Reference, subject: Subject, cache: Path, progress: Progress) -> Gate:
    """Take the reference's answers to the evaluation set, which the gate compares with.

    They are read from `cache` where it has them.

    Raises:
        ExportError: the reference is no measure for the packaged version, and the recipe does not
            allow that.
    """
    evaluation = inputs.recipe.evaluation
    with progress.step("reference", f"PyTorch answers {counted(len(subject.items), 'text')}") as step:
        expected = reference_outputs(
            lambda: ask_alone(subject.task, subject, CheckpointLibraries(inputs, reference), step.advance),
            len(subject.items),
            cache / inputs.reference_digest.removeprefix("sha256:")[:32],
        )
        step.note = f"PyTorch fp32 on {counted(len(subject.items), 'text')}, each alone"
        if evaluation is None:
            return Gate(subject, None, expected)
        found = examine(subject, evaluation, expected)
        step.note += f": {found.described}"
    if found.fault and not evaluation.allow_weak_reference:
        raise ExportError(refusal(found.fault))
    if found.fault:
        progress.say(f"{INDENT}WEAK REFERENCE, which the recipe allows: {found.fault}")
    return Gate(subject, evaluation, expected, found.findings(subject.dataset.reading.notes))


def _compare_company(gate: Gate, fp32: Path, progress: Progress) -> None:
    """Compare the fp32 graph with the reference, before others are made of it."""
    subject = gate.subject
    rows = spread([len(item.text) + len(item.text_pair or b"") for item in subject.items], company.TEXTS)
    with progress.step("company", f"asking about {len(rows)} texts alone and together") as step:
        runs = Padded(Graph(fp32, subject.task.outputs), subject.encoded.pad_id)
        found = company.compare(subject.serving, runs, [subject.items[row] for row in rows], [gate.expected[row] for row in rows])
        step.note = f"{len(rows)} texts are answered as by the reference: within {found.alone:.1g} alone, {found.together:.1g} together"


def _ask_triton(staged: package.Staged, subject: Subject, log: Path, ask: Callable[..., float], progress: Progress) -> ThroughTriton:
    """Let a real Triton answer with the staged version, where one can run here."""
    items = subject.some_items(TRITON_TEXTS)
    served = execution_provider(staged.manifest.target, staged.manifest.precision)
    here = provider_here(served)
    with progress.step("triton", f"a real Triton answers {counted(len(items), 'text')}") as step:
        try:
            difference = ask(staged, subject.task, items, log)
        except TritonUnavailable as exc:
            step.note = f"NOT RUN, so nobody has seen this version answer through Triton: {exc}"
            return ThroughTriton(len(items), here, unavailable=str(exc))
        step.note = f"answers as the graph does: {len(items)} texts, alone and together, within {difference:.1g}"
        if served != here:
            step.note += f"; on the CPU, for there is no {served} here"
    return ThroughTriton(len(items), here, difference)


def _cautions(inputs: Inputs, reference: Reference, task: Task) -> list[str]:
    """What the checkpoint's files say otherwise than the recipe, which wins."""
    files, length = task.files(inputs.checkpoint.folder), inputs.recipe.max_length
    own = files.transformer.get("max_seq_length") if files else None
    positions = getattr(reference.model.config, "max_position_embeddings", None) or 0
    own = own or min(bound for bound in (reference.tokenizer.model_max_length, positions) if bound > 0)
    if own == length or (own > length and not files):
        return []
    return [
        f"The checkpoint's files let its library read at most {own} tokens of a text, and the recipe's max_length is {length}: "
        f"texts of more than {min(own, length)} tokens are answered otherwise than by that library with its defaults."
    ]


def _described(answering: Answering) -> str:
    settings = answering.postprocessing.model_dump(exclude_none=True, exclude_defaults=True)
    labels = [counted(len(answering.labels), "label")] if answering.labels else []
    return ", ".join([answering.task, *labels, *(f"{name} {value}" for name, value in settings.items() if name != "thresholds")])


def _fresh_folder(folder: Path) -> Path:
    """An empty folder; leftovers of an earlier export of this version are removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
