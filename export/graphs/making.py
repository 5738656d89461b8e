"""The graph to package, made as the recipe says and checked against PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.errors import ExportError
from export.graphs.build import Builder
from export.graphs.graph import CPU, Graph, provider_here
from export.graphs.judge import Check
from export.graphs.onnx_file import size_bytes
from export.progress import INDENT, Progress
from export.recipe.recipe import Recipe
from model_repository.config import execution_provider
from model_repository.measured import Sensitivity, TriedCandidate

MEGABYTE = 1e6


@dataclass(frozen=True)
class Graphs:
    """The ONNX graph as exported and as packaged, and how the packaged one was found.

    `failure` says why it cannot be packaged as it is.
    """

    fp32: Path
    packaged: Path
    failure: str | None = None
    candidates: tuple[TriedCandidate, ...] | None = None
    sensitivity: Sensitivity | None = None


@dataclass(frozen=True)
class Making:
    """What the graph to package is made with: the recipe, the builder, the check of each graph."""

    recipe: Recipe
    builder: Builder
    check: Check
    progress: Progress

    @property
    def outputs(self) -> list[str]:
        """Names of the graph's outputs."""
        return list(self.check.task.outputs)

    @property
    def provider(self) -> str:
        """What graphs are checked with: the GPU that serves them where there is one, else the CPU.

        Static int8 is always checked on the CPU, which runs the same QDQ graph: TensorRT's engines
        are built on the machine that serves.
        """
        if self.recipe.precision != "auto" and self.recipe.packaged_precision == "int8-static":
            return CPU
        return provider_here(execution_provider(self.recipe.target, "fp32"))

    @property
    def may_keep_layers(self) -> bool:
        """Whether layers may be kept in fp32 where int8 does not pass."""
        return self.recipe.precision == "int8" and self.recipe.sensitivity is not False and self.recipe.evaluation is not None


def make(making: Making) -> Graphs:
    """The graph that a recipe names, checked against PyTorch.

    Int8 that fails the check goes on to the gate, where layers may be kept in fp32.

    Raises:
        ExportError: a step is not possible for this model, or the check failed.
    """
    recipe, builder, progress = making.recipe, making.builder, making.progress
    packaged = builder.fp32
    if recipe.optimization:
        with progress.step("optimize", f"fusing nodes, {recipe.optimization}") as step:
            packaged = builder.optimized(recipe.optimization)
            step.note, step.size_bytes = f"{recipe.optimization}, {megabytes(packaged)}", size_bytes(packaged)
    if recipe.precision == "fp16" and recipe.optimization != "O4":
        with progress.step("fp16", "converting the graph") as step:
            packaged = builder.float16(packaged, recipe.optimization)
            step.note, step.size_bytes = megabytes(packaged), size_bytes(packaged)
    if recipe.precision == "int8":
        with progress.step("quantize", "making the int8 graph") as step:
            packaged = builder.int8(packaged, "int8", advance=step.advance)
            how = f"dynamic per channel for {builder.instruction_set}"
            if builder.calibration:
                texts = len(builder.calibration.encoded)
                how = f"static for TensorRT, ranges by {builder.calibration.settings.method} of {texts} texts"
            step.note, step.size_bytes = f"int8 {how}, {megabytes(packaged)}", size_bytes(packaged)
    failure = None if packaged == builder.fp32 else _check(making, packaged)
    return Graphs(builder.fp32, packaged, failure)


def megabytes(path: Path) -> str:
    """A file's size."""
    return f"{size_bytes(path) / MEGABYTE:.1f} MB"


def _check(making: Making, packaged: Path) -> str | None:
    """Check the packaged graph; returns why it fails where layers may still be kept in fp32.

    Raises:
        ExportError: it fails, and no layers may be kept in fp32.
    """
    with making.progress.step("check", "comparing the graph with PyTorch") as step:
        try:
            graph = Graph(packaged, making.outputs, provider=making.provider)
            found = making.check(graph, making.recipe.packaged_precision, making.recipe.optimization)
            step.note = f"scores differ from PyTorch's by {found.mean_scores:.4f} on average"
        except ExportError as exc:
            if not making.may_keep_layers:
                raise
            step.note = str(exc)
            return str(exc)
    return None


def show(lines: Sequence[str], progress: Progress) -> None:
    """Print a table's lines."""
    for line in lines:
        progress.say(f"{INDENT}{line}")
