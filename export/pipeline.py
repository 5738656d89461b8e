"""An export from its inputs to a packaged version: the steps, in the order in which they run.

    load → export → optimize → quantize → check → gate → measure → stage → ask through Triton → commit

Each step hands a value on and raises `ExportError` to stop; nothing is in the repository before the last one.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path

from transformers import PretrainedConfig

from export import checks, measure, package
from export.batches import Run, outputs, spread_over_lengths
from export.graph import Graph
from export.half_precision import to_float16
from export.inputs import Inputs
from export.load import Reference, load
from export.onnx_export import export_onnx
from export.optimize import optimize
from export.progress import Progress
from export.provenance import Provenance
from export.quality import measure_quality, require_quality
from export.quantize import detect_instruction_set, quantize
from export.recipe import Recipe
from export.reference import reference_outputs, torch_run
from export.tasks import TASKS
from export.tasks.task import Task
from export.tokenization import Encoded, encode, require_same_tokens, write_tokenizer
from export.triton_check import TEXTS as TRITON_TEXTS
from export.triton_check import check_through_triton
from model_repository.manifest import TOKENIZER, Manifest, Quality, Sizes, Source, Speed, answer_digest
from model_repository.server import TritonUnavailable

CHECKED_TEXTS = 32
BATCH_SIZE = 8
TOOLS = ("torch", "transformers", "tokenizers", "optimum-onnx", "onnx", "onnxruntime")
MEGABYTE = 1e6


@dataclass(frozen=True)
class Graphs:
    """The ONNX graph as exported, and as packaged."""

    fp32: Path
    packaged: Path


def export(
    inputs: Inputs,
    repository: Path,
    work: Path,
    progress: Progress,
    ask_triton: Callable[..., float] = check_through_triton,
    made_by: Provenance = Provenance(),  # noqa: B008 - frozen
) -> Manifest:
    """Export, check and package; intermediate files lie in `work`. `ask_triton` is the last check.

    Raises:
        ExportError: a step or a check failed; the repository is as it was.
    """
    recipe, task = inputs.recipe, TASKS[inputs.recipe.task]
    package.require_same_model(repository, recipe.model, recipe.version, recipe.task, recipe.target)
    folder = _fresh_folder(work / recipe.model / str(recipe.version))

    with progress.step("load") as step:
        reference = load(inputs, task)
        right = inputs.evaluation.label_indices(reference.labels)
        write_tokenizer(reference.tokenizer, recipe.max_length, folder / TOKENIZER)
        encoded = encode(folder / TOKENIZER, inputs.evaluation.texts)
        require_same_tokens(reference.tokenizer, recipe.max_length, inputs.evaluation.texts, encoded)
        step.note = f"{recipe.checkpoint}{f' + {recipe.adapter}' if recipe.adapter else ''}, {len(reference.labels)} labels"
    run = torch_run(reference.model, task.output)

    graphs = _make_graphs(recipe, task, reference, run, encoded, folder, progress)

    with progress.step("reference") as step:
        cache = work / "reference" / f"{inputs.reference_digest.removeprefix('sha256:')[:32]}.npy"
        expected = reference_outputs(run, encoded, cache, step.advance)
        step.note = f"PyTorch fp32 on {len(encoded)} texts"
    with progress.step("gate") as step:
        actual = outputs(Graph(graphs.packaged, task.output), encoded, BATCH_SIZE, step.advance)
        quality = measure_quality(task, recipe.evaluation, inputs.evaluation, right, expected, actual)
        require_quality(quality, recipe.precision)
        step.note = _quality_note(quality, recipe.precision)
    speed = _measure(recipe, task, graphs, encoded, progress)

    manifest = _manifest(inputs, reference, graphs, folder / TOKENIZER, quality, speed, made_by)
    with package.staging(repository, manifest, graphs.packaged, folder / TOKENIZER) as staged:
        with progress.step("triton") as step:
            rows = spread_over_lengths(encoded, TRITON_TEXTS)
            try:
                difference = ask_triton(staged, task, inputs.evaluation.texts, encoded, rows, folder / "triton.log")
                step.note = f"answers as the graph does: {len(rows)} texts, scores within {difference:.1g}"
            except TritonUnavailable as exc:
                step.note = f"NOT RUN, so nobody has seen this version answer through Triton: {exc}"
        with progress.step("package") as step:
            package.commit(staged, repository)
            step.note = f"{repository / recipe.model / str(recipe.version)} ({manifest.digest[:19]})"
    return manifest


def _make_graphs(recipe: Recipe, task: Task, reference: Reference, run: Run, encoded: Encoded, folder: Path, progress: Progress) -> Graphs:
    """Export to ONNX, then to the recipe's precision; each graph is checked against PyTorch before the next is made of it."""
    config: PretrainedConfig = reference.model.config
    with progress.step("onnx") as step:
        fp32 = export_onnx(reference.model, task, folder / "fp32")
        graph = Graph(fp32, task.output)
        checks.check_tensors(graph, task, len(reference.labels))
        probe = checks.Probe(run, encoded, spread_over_lengths(encoded, CHECKED_TEXTS), task)
        found = probe.difference(graph)
        checks.require_same(found)
        step.note = f"{_megabytes(fp32)}, outputs within {found.max_logits:.1g} of PyTorch's on {probe.texts} padded texts"
    packaged = fp32
    if recipe.optimization:
        with progress.step("optimize") as step:
            packaged = optimize(fp32, folder / "optimized", recipe.optimization, config, recipe.target)
            step.note = f"{recipe.optimization}, {_megabytes(packaged)}"
    if recipe.precision == "fp16":
        with progress.step("fp16") as step:
            packaged = to_float16(packaged, folder / "fp16")
            step.note = _megabytes(packaged)
    if recipe.precision == "int8":
        with progress.step("quantize") as step:
            instruction_set = recipe.instruction_set or detect_instruction_set()
            packaged = quantize(packaged, folder / "int8", instruction_set, config)
            step.note = f"int8 dynamic per channel for {instruction_set}, {_megabytes(packaged)}"
    if packaged != fp32:
        with progress.step("check") as step:
            graph = Graph(packaged, task.output)
            checks.check_tensors(graph, task, len(reference.labels))
            found = probe.difference(graph)
            checks.require_close(found, recipe.packaged_precision)
            step.note = f"scores differ from PyTorch's by {found.mean_scores:.4f} on average"
    return Graphs(fp32, packaged)


def _measure(recipe: Recipe, task: Task, graphs: Graphs, encoded: Encoded, progress: Progress) -> Speed | None:
    """Speed on this machine's CPU; None for a GPU, and where nothing was changed."""
    if recipe.target == "gpu" or graphs.packaged == graphs.fp32:
        return None
    with progress.step("measure") as step:
        speed = measure.measure_speed(graphs.fp32, graphs.packaged, task.output, encoded)
        ratio = speed.packaged_texts_per_s / speed.fp32_texts_per_s
        step.note = f"one thread: {speed.packaged_texts_per_s:.0f} texts/s, fp32 {speed.fp32_texts_per_s:.0f} texts/s (x {ratio:.2f})"
        if ratio < 1:
            step.note += "; slower than fp32 on this machine: consider precision: fp32"
    return speed


def _manifest(
    inputs: Inputs, reference: Reference, graphs: Graphs, tokenizer: Path, quality: Quality, speed: Speed | None, made_by: Provenance
) -> Manifest:
    recipe, checkpoint, adapter = inputs.recipe, inputs.checkpoint, inputs.adapter
    tools = {name: installed_version(name) for name in (*TOOLS, *(["peft"] if adapter else []))}
    if recipe.precision == "int8":
        tools["instruction_set"] = recipe.instruction_set or detect_instruction_set()
    settings = package.postprocessing(recipe.task, reference.labels, recipe.max_length)
    return Manifest(
        model=recipe.model,
        version=recipe.version,
        task=recipe.task,
        labels=reference.labels,
        max_length=recipe.max_length,
        precision=recipe.packaged_precision,
        target=recipe.target,
        digest=answer_digest(graphs.packaged, tokenizer, settings),
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
        sizes=Sizes(fp32_bytes=graphs.fp32.stat().st_size, packaged_bytes=graphs.packaged.stat().st_size),
        tools=tools,
    )


def _fresh_folder(folder: Path) -> Path:
    """An empty folder; what an earlier export of this version left there is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / MEGABYTE:.1f} MB"


def _quality_note(quality: Quality, precision: str) -> str:
    drop = quality.reference - quality.packaged
    return (
        f"{quality.metric} {quality.packaged:.4f}, fp32 reference {quality.reference:.4f} on {quality.examples} texts "
        f"({precision} loses {drop:.4f} of at most {quality.max_drop:.4f})"
    )
