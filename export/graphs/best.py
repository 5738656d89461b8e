"""The fastest graph that passes, of all that are tried where the recipe says `precision: auto`."""

from collections.abc import Sequence
from pathlib import Path

from export.graphs import measure
from export.graphs.candidates import Candidate, candidates
from export.graphs.choose import choose, table
from export.graphs.graph import CPU, Graph
from export.graphs.judge import Gate
from export.graphs.making import Graphs, Making, show
from export.graphs.onnx_file import size_bytes
from export.graphs.optimize import is_optimizable
from export.recipe.precision import packaged_precision
from export.recipe.recipe import Recipe
from model_repository.measured import Latency


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
        return measure.latencies_in_turn(paths, outputs, gate.subject.encoded, measure.LATENCY_SECONDS_EACH, provider)

    with making.progress.step("candidates", _how_chosen(len(tried), gate)) as step:
        choice = choose(tried, builder.build, judge, time if timeable else None, step.advance)
        step.note, step.size_bytes = f"{choice.candidate} is the fastest of {len(tried)} that passes", size_bytes(choice.graph)
        if not timeable:
            step.note = f"NOT TIMED, for there is no GPU here: {choice.candidate}, the first that passes in order of preference"
    show(table(choice.tried), making.progress)
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
