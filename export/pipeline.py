"""An export from its inputs to a packaged version: the steps, in the order in which they run.

    load → export → optimize → quantize → check → gate → measure → stage → ask through Triton → report → commit

With `precision: auto` all candidates are made and judged to choose one; where int8 does not pass, layers are kept in fp32 until it does.
Each step hands a value on and raises `ExportError` to stop; nothing is in the repository before the last one.
"""

import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path

from headrace_backend.items import Item

from export.checkpoints.load import Reference, load
from export.checkpoints.tokenization import Encoded, require_same_tokens, write_tokenizer
from export.errors import RecipeError
from export.graphs import checks, making, measure
from export.graphs.batches import Padded, spread
from export.graphs.build import Builder, CalibrationBatches
from export.graphs.graph import CPU, Graph, provider_here
from export.graphs.judge import Check, Gate
from export.graphs.latency_grid import GridPoint, latency_grid
from export.graphs.making import Graphs, megabytes
from export.graphs.onnx_export import export_onnx
from export.graphs.quantize import detect_instruction_set
from export.graphs.reference import reference_outputs, torch_run
from export.graphs.serving import Serving
from export.graphs.subject import Subject
from export.inputs import Inputs
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
from export.tasks.task import Task
from model_repository.config import execution_provider
from model_repository.manifest import GRAPH, TOKENIZER, Answering, Manifest, Quality, Sizes, Source, Speed, answer_digest, file_digest
from model_repository.server import TritonUnavailable
from model_repository.tensors import EMBEDDING

CHECKED_WINDOWS = 32
TOOLS = ("torch", "transformers", "tokenizers", "optimum-onnx", "onnx", "onnxruntime")


def export(
    inputs: Inputs,
    repository: Path,
    work: Path,
    progress: Progress,
    ask_triton: Callable[..., float] = check_through_triton,
    compare_speed: Callable[..., measure.Comparison] = measure.compare_speed,
    made_by: Provenance = Provenance(),  # noqa: B008 - frozen
) -> Manifest:
    """Export, check and package; intermediate files lie in `work`. `compare_speed` times it beside fp32, `ask_triton` is the last check.

    Raises:
        ExportError: a step or a check failed; the repository is as it was.
    """
    recipe, task, earlier = inputs.recipe, TASKS[inputs.recipe.task], len(progress.finished)
    if recipe.calibration:
        package.require_provider(repository, recipe.model, execution_provider(recipe.target, recipe.packaged_precision))
    folder = _fresh_folder(work / recipe.model / str(recipe.version))

    with progress.step("load") as step:
        reference = load(inputs, task)
        package.require_same_model(repository, recipe.model, recipe.version, reference.answering, recipe.target)
        write_tokenizer(reference.tokenizer, recipe.max_length, folder / TOKENIZER)
        subject = _subject(inputs, task, reference, Serving(reference.answering, folder / TOKENIZER))
        step.note = f"{recipe.checkpoint}{f' + {recipe.adapter}' if recipe.adapter else ''}, {_described(reference.answering)}"

    fp32, check = _export_fp32(subject, reference, folder, progress)
    builder = _builder(inputs, reference, subject.serving, fp32, folder)
    made = Graphs(fp32, fp32) if recipe.precision == "auto" else making.make(recipe, builder, check, progress)

    with progress.step("reference") as step:
        cache = work / "reference" / inputs.reference_digest.removeprefix("sha256:")[:32]
        runs = Padded(subject.run, subject.encoded.pad_id)
        expected = reference_outputs(lambda: subject.serving.answer(runs, subject.items, step.advance), len(subject.items), cache)
        step.note = f"PyTorch fp32 on {len(subject.items)} texts"
    gate = Gate(subject, recipe.evaluation, expected)
    if recipe.precision == "auto":
        recipe, made = making.make_best(recipe, builder, check, gate, progress)
    made, measured = making.through_gate(recipe, made, builder, check, gate, progress)
    speed = _measure(recipe, task, made, subject.encoded, compare_speed, progress)
    latencies = _latencies(recipe, task, made, subject.encoded, progress)

    manifest = _manifest(inputs, recipe, reference, made, folder / TOKENIZER, measured.quality, speed, made_by)
    with package.staging(repository, manifest, made.packaged, folder / TOKENIZER) as staged:
        triton = _ask_triton(staged, recipe, task, subject.some_items(TRITON_TEXTS), folder / "triton.log", ask_triton, progress)
        with progress.step("report") as step:
            answers = differences(gate, measured.answers, embeddings=manifest.tensors.output == EMBEDDING)
            made_at = datetime.now(UTC).isoformat(timespec="seconds")
            told = Report(manifest, progress.finished[earlier:], triton, answers, latencies, describe_machine(), made_at)
            write_report(staged.version_folder, told)
            step.note = str(repository / recipe.model / str(recipe.version) / HTML)
        with progress.step("package") as step:
            package.commit(staged, repository)
            step.note = f"{repository / recipe.model / str(recipe.version)} ({manifest.digest[:19]})"
    return manifest


def _subject(inputs: Inputs, task: Task, reference: Reference, serving: Serving) -> Subject:
    """What is to be judged; everything that the evaluation set can be wrong about is found before the long work begins."""
    dataset, evaluation = inputs.evaluation, inputs.recipe.evaluation
    assessment = task.assessment(dataset, reference.answering)
    if evaluation.metric is not None and evaluation.metric not in assessment.metrics:
        raise RecipeError(
            f"evaluation.metric: {evaluation.metric!r} is not possible for this model; choose one of {', '.join(assessment.metrics)}"
        )
    truth = assessment.truth(dataset, reference.answering.labels)
    items = task.items(dataset, reference.answering)
    queries = serving.queries(items)
    require_same_tokens(reference.tokenizer, serving.tokenizer, queries)
    run = torch_run(reference.model, task.outputs)
    return Subject(task, assessment, dataset, truth, items, serving.encode(queries), serving, run)


def _export_fp32(subject: Subject, reference: Reference, folder: Path, progress: Progress) -> tuple[Path, Check]:
    """Export to ONNX; the graph is checked against PyTorch before another is made of it."""
    task, encoded = subject.task, subject.encoded
    with progress.step("onnx") as step:
        fp32 = export_onnx(reference.model, task, folder / "fp32")
        rows = spread(encoded.lengths, CHECKED_WINDOWS)
        probe = checks.Probe(subject.run, encoded.some(rows), task, subject.serving.backend)
        check = Check(task, len(reference.answering.labels), probe)
        found = check(Graph(fp32, task.outputs), "fp32")
        step.note = f"{megabytes(fp32)}, outputs within {found.max_outputs:.1g} of PyTorch's on {probe.texts} padded texts"
        step.size_bytes = fp32.stat().st_size
    return fp32, check


def _builder(inputs: Inputs, reference: Reference, serving: Serving, fp32: Path, folder: Path) -> Builder:
    recipe, calibration = inputs.recipe, None
    if recipe.calibration and inputs.calibration:
        calibration = CalibrationBatches(recipe.calibration, serving.encode(inputs.calibration.queries))
    return Builder(fp32, folder, reference.model.config, recipe.target, _instruction_set(recipe), calibration)


def _measure(
    recipe: Recipe, task: Task, made: Graphs, encoded: Encoded, compare_speed: Callable[..., measure.Comparison], progress: Progress
) -> Speed | None:
    """Speed on this machine's CPU; None for a GPU, and where nothing was changed."""
    if recipe.target == "gpu" or made.packaged == made.fp32:
        return None
    with progress.step("measure") as step:
        found = compare_speed(made.fp32, made.packaged, list(task.outputs), encoded)
        speed = found.speed
        ratio = speed.packaged_texts_per_s / speed.fp32_texts_per_s
        step.note = f"one thread: {speed.packaged_texts_per_s:.0f} texts/s, fp32 {speed.fp32_texts_per_s:.0f} texts/s (x {ratio:.2f})"
        if ratio < 1:
            step.note += "; slower than fp32 on this machine: consider precision: fp32"
        # where it is made for another CPU than this one's, this one's speed says nothing
        if not recipe.allow_slower and _instruction_set(recipe) == detect_instruction_set():
            what = f"{recipe.precision}{f' with optimization {recipe.optimization}' if recipe.optimization else ''}"
            measure.require_not_slower(found, what, "use precision: fp32 without optimization, or precision: auto")
    return speed


def _latencies(recipe: Recipe, task: Task, made: Graphs, encoded: Encoded, progress: Progress) -> list[GridPoint]:
    """Latency by batch and length; none where a version for a GPU is exported without one."""
    provider = making.checking_provider(recipe)
    if recipe.target == "gpu" and provider == CPU:
        return []
    with progress.step("latency") as step:
        found = latency_grid(made.fp32, made.packaged, list(task.outputs), encoded, provider)
        step.note = f"{len(found)} shapes, up to {max(point.batch * point.tokens for point in found)} tokens a call"
    return found


def _ask_triton(
    staged: package.Staged, recipe: Recipe, task: Task, items: Sequence[Item], log: Path, ask: Callable[..., float], progress: Progress
) -> ThroughTriton:
    served = execution_provider(recipe.target, recipe.packaged_precision)
    here = provider_here(served)
    with progress.step("triton") as step:
        try:
            difference = ask(staged, task, items, log)
        except TritonUnavailable as exc:
            step.note = f"NOT RUN, so nobody has seen this version answer through Triton: {exc}"
            return ThroughTriton(len(items), here, unavailable=str(exc))
        step.note = f"answers as the graph does: {len(items)} texts, alone and together, within {difference:.1g}"
        if served != here:
            step.note += f"; on the CPU, for there is no {served} here"
    return ThroughTriton(len(items), here, difference)


def _manifest(
    inputs: Inputs,
    recipe: Recipe,
    reference: Reference,
    made: Graphs,
    tokenizer: Path,
    quality: Quality,
    speed: Speed | None,
    made_by: Provenance,
) -> Manifest:
    checkpoint, adapter = inputs.checkpoint, inputs.adapter
    tools = {name: installed_version(name) for name in (*TOOLS, *(["peft"] if adapter else []))}
    if (recipe.target, recipe.precision) == ("cpu", "int8"):
        tools["instruction_set"] = _instruction_set(recipe)
    return Manifest(
        **reference.answering.model_dump(),
        model=recipe.model,
        version=recipe.version,
        precision=recipe.packaged_precision,
        target=recipe.target,
        digest=answer_digest(made.packaged, tokenizer, reference.answering),
        files={GRAPH: file_digest(made.packaged), TOKENIZER: file_digest(tokenizer)},
        source=Source(
            checkpoint=checkpoint.name,
            checkpoint_digest=checkpoint.digest,
            revision=checkpoint.revision,
            adapter=adapter.name if adapter else None,
            adapter_digest=adapter.digest if adapter else None,
            inputs_digest=inputs.digest,
            recipe_revision=made_by.recipe_revision,
            command=made_by.command,
        ),
        quality=quality,
        speed=speed,
        measured_provider=making.checking_provider(recipe),
        candidates=made.candidates,
        sensitivity=made.sensitivity,
        sizes=Sizes(fp32_bytes=made.fp32.stat().st_size, packaged_bytes=made.packaged.stat().st_size),
        tools=tools,
    )


def _described(answering: Answering) -> str:
    settings = answering.postprocessing.model_dump(exclude_none=True, exclude_defaults=True)
    labels = [f"{len(answering.labels)} labels"] if answering.labels else []
    return ", ".join([answering.task, *labels, *(f"{name} {value}" for name, value in settings.items() if name != "thresholds")])


def _instruction_set(recipe: Recipe) -> InstructionSet:
    """The recipe's; this machine's where the recipe does not say, or says `auto`."""
    if recipe.instruction_set is None or recipe.instruction_set == "auto":
        return detect_instruction_set()
    return recipe.instruction_set


def _fresh_folder(folder: Path) -> Path:
    """An empty folder; what an earlier export of this version left there is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
