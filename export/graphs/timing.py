"""The steps of an export that time its graphs: against fp32, and over batches and lengths."""

from collections.abc import Callable

from export.checkpoints.tokenization import Encoded
from export.graphs.graph import CPU
from export.graphs.latency_grid import GridPoint, latency_grid
from export.graphs.making import Graphs, Making
from export.graphs.measure import Comparison, require_not_slower
from export.graphs.quantize import detect_instruction_set
from model_repository.measured import Speed


def time_speed(making: Making, graphs: Graphs, encoded: Encoded, compare: Callable[..., Comparison]) -> Speed | None:
    """Speed on this machine's CPU; None for a GPU, and where the fp32 graph itself is packaged.

    Raises:
        ExportError: the packaged graph is clearly slower than fp32, and the recipe does not allow
            it.
    """
    recipe = making.recipe
    if recipe.target == "gpu" or graphs.packaged == graphs.fp32:
        return None
    with making.progress.step("measure", "timing the packaged graph beside fp32") as step:
        found = compare(graphs.fp32, graphs.packaged, making.outputs, encoded)
        speed = found.speed
        ratio = speed.packaged_texts_per_s / speed.fp32_texts_per_s
        step.note = f"one thread: {speed.packaged_texts_per_s:.0f} texts/s, fp32 {speed.fp32_texts_per_s:.0f} texts/s (x {ratio:.2f})"
        if ratio < 1:
            step.note += "; slower than fp32 on this machine: consider precision: fp32"
        # on this CPU, the speed of a graph for another one says nothing
        if not recipe.allow_slower and making.builder.instruction_set == detect_instruction_set():
            what = f"{recipe.precision}{f' with optimization {recipe.optimization}' if recipe.optimization else ''}"
            require_not_slower(found, what, "use precision: fp32 without optimization, or precision: auto")
    return speed


def time_latencies(making: Making, graphs: Graphs, encoded: Encoded) -> list[GridPoint]:
    """Latency by batch and length; empty where a version for a GPU is exported without one."""
    provider = making.provider
    if making.recipe.target == "gpu" and provider == CPU:
        return []
    with making.progress.step("latency", "timing batches and lengths") as step:
        found = latency_grid(graphs.fp32, graphs.packaged, making.outputs, encoded, provider)
        step.note = f"{len(found)} shapes, up to {max(point.batch * point.tokens for point in found)} tokens a call"
    return found
