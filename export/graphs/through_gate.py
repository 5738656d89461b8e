"""The graph through the gate: with as few layers in fp32 as let int8 pass, where it does not."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from export.counts import counted
from export.errors import ExportError
from export.evaluation.quality import describe, require_quality
from export.graphs import measure
from export.graphs.graph import Graph
from export.graphs.judge import Gate, Measured
from export.graphs.making import Graphs, Making, show
from export.graphs.onnx_file import size_bytes
from export.graphs.quantize import Nodes
from export.graphs.sensitivity import curve, described, most_tries, quantized_layers, search, search_seconds
from export.progress import INDENT
from model_repository.measured import Latency, Quality, Unjudged

SENSITIVITY_TEXTS = 128
NOT_JUDGED = f"NOT JUDGED: {Unjudged.model_fields['said'].default}, for the recipe says evaluation: none"


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
            latencies = measure.latencies_in_turn(paths, outputs, gate.subject.encoded, measure.LATENCY_SECONDS_EACH)
        kept = [one.layer.name for one in found.ranked[: found.chosen.kept]]
        step.note = f"{len(kept)} of {len(layers)} layers stay in fp32{': ' if kept else ''}{', '.join(kept)}"
        step.size_bytes = size_bytes(found.chosen.graph)
    sensitivity = described(found, latencies, min(SENSITIVITY_TEXTS, len(gate.subject.encoded)))
    show(curve(sensitivity), making.progress)
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
