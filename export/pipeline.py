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

from export.answers import ask_reference, compare_company, in_company, move_in_company
from export.checkpoints.load import Reference
from export.counts import counted
from export.graphs import checks, measure
from export.graphs.batches import spread
from export.graphs.best import make_best
from export.graphs.build import Builder, CalibrationBatches
from export.graphs.graph import Graph, provider_here
from export.graphs.judge import Check
from export.graphs.making import Graphs, Making, make, megabytes
from export.graphs.onnx_export import export_onnx
from export.graphs.onnx_file import size_bytes
from export.graphs.quantize import detect_instruction_set
from export.graphs.serving import Serving
from export.graphs.subject import Subject
from export.graphs.tail import append_tail
from export.graphs.through_gate import through_gate
from export.graphs.timing import time_latencies, time_speed
from export.inputs import Inputs
from export.loading import load_subject
from export.outcome import Outcome
from export.progress import Progress
from export.provenance import Provenance
from export.recipe.recipe import InstructionSet, Recipe
from export.registry import package
from export.registry.triton_check import TEXTS as TRITON_TEXTS
from export.registry.triton_check import check_through_triton
from export.report import HTML
from export.report.contents import Report, ThroughTriton
from export.report.differences import differences
from export.report.machine import describe_machine
from export.report.render import write_report
from export.tasks import TASKS
from model_repository.config import execution_provider
from model_repository.manifest import TOKENIZER, Manifest
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
    unjudged: bool = False,
) -> Manifest:
    """Export, check and package a version; intermediate files lie in `work`.

    `compare_speed` times the packaged graph beside fp32, `ask_triton` is the last check. A version
    that nobody judged may take the place of the default where `unjudged` says so.

    Raises:
        ExportError: a step or a check failed; the repository is as it was.
    """
    recipe, begin = inputs.recipe, len(progress.finished)
    task = TASKS[recipe.task].for_checkpoint(inputs.checkpoint.folder)
    if recipe.calibration:
        package.require_provider(repository, recipe.model, execution_provider(recipe.target, recipe.packaged_precision))
    folder = _fresh_folder(work / recipe.model / str(recipe.version))

    reference, subject, cautions = load_subject(inputs, task, repository, folder / TOKENIZER, progress)
    gate, own = ask_reference(inputs, reference, subject, work / "reference", progress)
    fp32, check = _export_fp32(subject, reference, folder / "fp32", progress)
    making = Making(recipe, _builder(inputs, reference, subject.serving, fp32, folder), check, progress)
    asked = in_company(gate, own)
    compare_company(subject, fp32, asked, progress)
    graphs = Graphs(fp32, fp32) if recipe.precision == "auto" else make(making)
    if recipe.precision == "auto":
        choosing, gate = gate.halves()
        recipe, graphs = make_best(making, choosing)
        making = replace(making, recipe=recipe)
    graphs, measured = through_gate(making, gate, graphs)
    moved = move_in_company(making, subject, graphs, asked)
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
                cautions,
                moved,
            )
            write_report(staged.version_folder, report)
            step.note = str(target / HTML)
        with progress.step("package", "putting the version into the repository") as step:
            note = package.commit(staged, repository, unjudged=unjudged)
            step.note = f"{target} ({manifest.digest[:19]})"
    if note:
        progress.say(note)
    return manifest


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


def _fresh_folder(folder: Path) -> Path:
    """An empty folder; leftovers of an earlier export of this version are removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
