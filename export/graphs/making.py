"""The graph to package: as the recipe says, the best candidate, or int8 with layers in fp32."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from export.counts import counted
from export.errors import ExportError
from export.evaluation.quality import describe, require_quality
from export.graphs import measure
from export.graphs.build import Builder
from export.graphs.candidates import Candidate, candidates
from export.graphs.choose import choose, table
from export.graphs.graph import CPU, Graph, provider_here
from export.graphs.judge import Check, Gate, Measured
from export.graphs.onnx_file import size_bytes
from export.graphs.optimize import is_optimizable
from export.graphs.quantize import Nodes
from export.graphs.sensitivity import curve, described, most_tries, quantized_layers, search, search_seconds
from export.progress import INDENT, Progress
from export.recipe.precision import packaged_precision
from export.recipe.recipe import Recipe
from model_repository.config import execution_provider
from model_repository.manifest import Latency, Quality, Sensitivity, TriedCandidate, Unjudged

SENSITIVITY_TEXTS = 128
LATENCY_SECONDS_EACH = 0.7
MEGABYTE = 1e6
NOT_JUDGED = f"NOT JUDGED: {Unjudged.model_fields['said'].default}, for the recipe says evaluation: none"


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


def make_best(making: Making, gate: Gate) -> tuple[Recipe, Graphs]:
    """The recipe that names the fastest candidate that passes, and that candidate's graph.

    Raises:
        ExportError: no candidate passes.
    """
    recipe, builder = making.recipe, making.builder
    outputs, provider = making.outputs, making.provider
    timeable = recipe.target == "cpu" or provider != CPU
    tried = [
        (candidate, packaged_precision(recipe.target, candidate.precision))
        for candidate in candidates(recipe.target, optimizable=is_optimizable(builder.config))
    ]
    precisions = dict(tried)

    def judge(path: Path, candidate: Candidate) -> tuple[float | None, str | None]:
        return gate.judge(Graph(path, outputs, provider=provider), making.check, precisions[candidate], candidate.optimization)

    def time(paths: Sequence[Path]) -> Sequence[tuple[Latency, ...]]:
        return measure.latencies_in_turn(paths, outputs, gate.subject.encoded, LATENCY_SECONDS_EACH, provider)

    with making.progress.step("candidates", _how_chosen(len(tried), gate)) as step:
        choice = choose(tried, builder.build, judge, time if timeable else None, step.advance)
        step.note, step.size_bytes = f"{choice.candidate} is the fastest of {len(tried)} that passes", size_bytes(choice.graph)
        if not timeable:
            step.note = f"NOT TIMED, for there is no GPU here: {choice.candidate}, the first that passes in order of preference"
    _show(table(choice.tried), making.progress)
    chosen = recipe.with_choice(choice.candidate.precision, choice.candidate.optimization)
    return chosen, Graphs(builder.fp32, choice.graph, candidates=choice.tried)


def _how_chosen(candidates: int, gate: Gate) -> str:
    if gate.evaluation is None:
        return f"{candidates} candidates are made and checked, and those that pass are timed"
    others = len(gate.subject.dataset) - gate.examples
    return (
        f"{candidates} candidates are made, judged on {gate.examples} examples and timed; "
        f"the other {others} examples judge the one that is chosen"
    )


def through_gate(making: Making, gate: Gate, graphs: Graphs) -> tuple[Graphs, Measured]:
    """What is to be packaged, with its answers to the evaluation set.

    Where int8 does not pass, or the recipe asks for the whole curve, layers to keep in fp32 are
    searched for: on one half of the examples, and the other half judges what was found. What int8
    lost on all examples must hold on all of them, too: a half alone may be too few to tell.

    Raises:
        ExportError: it does not pass.
    """
    measured, failure = _measure(making, gate, graphs)
    if failure is None and not making.recipe.sensitivity:
        return graphs, measured
    choosing, judging = gate.halves()
    graphs = _keep_layers(making, choosing, graphs, failure)
    measured = _measure(making, judging, graphs)[0]
    if failure is not None and (quality := gate.quality_of(measured.answers)) is not None:
        require_quality(quality, making.recipe.precision)
    return graphs, measured


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


def _measure(making: Making, gate: Gate, graphs: Graphs) -> tuple[Measured, str | None]:
    """A graph's answers, and why it does not pass where layers may still be kept in fp32.

    Raises:
        ExportError: it does not pass, and no layers may be kept in fp32.
    """
    precision, failure = making.recipe.precision, graphs.failure
    with making.progress.step("gate", f"the packaged graph answers {counted(len(gate.subject.items), 'text')}") as step:
        measured = gate.measure(Graph(graphs.packaged, making.outputs, provider=making.provider), step.advance)
        if measured.quality is None:
            step.note = f"{NOT_JUDGED}; {int(measured.same.sum())} of {len(measured.same)} answers are the fp32 reference's"
            return measured, failure
        try:
            require_quality(measured.quality, precision)
        except ExportError as exc:
            if measured.quality.chosen_on is not None:
                raise ExportError(_lost_where_judged(exc, measured.quality)) from exc
            if not making.may_keep_layers:
                raise
            failure = str(exc)
        step.note = failure or describe(measured.quality, precision)
    return measured, failure


def _lost_where_judged(fault: ExportError, quality: Quality) -> str:
    return (
        f"{fault}. These {quality.examples} examples judge what {quality.chosen_on} others had chosen and passed: "
        "give more examples, allow a larger drop, or name a precision that needs no choice, such as precision: fp32"
    )


def _keep_layers(making: Making, gate: Gate, graphs: Graphs, failure: str | None) -> Graphs:
    """The int8 graph with the fewest layers in fp32 that let it pass.

    These are the layers that int8 hurts most.
    """
    recipe, builder, outputs = making.recipe, making.builder, making.outputs
    source, cost = builder.optimized(recipe.optimization), gate.cost(SENSITIVITY_TEXTS)

    def make_int8(nodes: Nodes, name: str) -> Path:
        return builder.int8(source, f"int8-{name}", nodes)

    def judge(path: Path) -> tuple[float, bool]:
        quality, why_not = gate.judge(Graph(path, outputs), making.check, recipe.packaged_precision, recipe.optimization)
        return quality if quality is not None else math.nan, why_not is None

    layers = quantized_layers(source, graphs.packaged)
    making.progress.say(_announced(making, gate, len(layers)))
    with making.progress.step("sensitivity", "searching for the layers that int8 hurts most") as step:
        try:
            found = search(
                layers,
                make_int8,
                lambda path: cost(Graph(path, outputs)),
                judge,
                step.advance,
                least=0 if failure is None else 1,
                whole_curve=bool(recipe.sensitivity),
            )
        except ExportError as exc:
            raise ExportError(f"{failure}; {exc}" if failure else str(exc)) from exc
        latencies: Sequence[tuple[Latency, ...]] = [()] * len(found.attempts)
        if recipe.target == "cpu":
            paths = [attempt.graph for attempt in found.attempts]
            latencies = measure.latencies_in_turn(paths, outputs, gate.subject.encoded, LATENCY_SECONDS_EACH)
        kept = [one.layer.name for one in found.ranked[: found.chosen.kept]]
        step.note = f"{len(kept)} of {len(layers)} layers stay in fp32{': ' if kept else ''}{', '.join(kept)}"
        step.size_bytes = size_bytes(found.chosen.graph)
    sensitivity = described(found, latencies, min(SENSITIVITY_TEXTS, len(gate.subject.encoded)))
    _show(curve(sensitivity), making.progress)
    return replace(graphs, packaged=found.chosen.graph, failure=None, sensitivity=sensitivity)


def _announced(making: Making, gate: Gate, layers: int) -> str:
    """What the search for layers will do, how long it may take by what was measured, and how to
    forbid it."""
    progress, examples = making.progress, len(gate.subject.dataset)
    seconds = search_seconds(layers, progress.seconds("quantize"), progress.seconds("gate"), SENSITIVITY_TEXTS / examples)
    why = "The recipe asks for" if making.recipe.sensitivity else "int8 does not pass, so now comes"
    return (
        f"{INDENT}{why} a search for the layers to keep in fp32: {layers} are quantized one at a time, then up to {most_tries(layers)} "
        f"graphs are judged on {gate.examples} examples; the other {examples - gate.examples} judge what is found. "
        f"It may take {_minutes(seconds)}, as long as these steps took here. To forbid it: sensitivity: false in the recipe."
    )


def _minutes(seconds: float) -> str:
    return f"about {seconds / 60:.0f} minutes" if seconds >= 90 else f"about {max(seconds, 1):.0f} seconds"


def _show(lines: Sequence[str], progress: Progress) -> None:
    for line in lines:
        progress.say(f"{INDENT}{line}")
