"""Which layers int8 hurts most, and the fewest of them to keep in fp32 so that the version passes.

The procedure is the partial quantization of Wu, Judd, Zhang, Isaev and Micikevicius, "Integer
Quantization for Deep Learning Inference: Principles and Empirical Evaluation" (2020,
arXiv:2004.09602): quantize one layer at a time and nothing else, rank the layers by what that
costs, then keep the most sensitive ones in high precision until the quality is back. Two things are
our own. The cost is how far scores move on average from the fp32 ones: a sample of texts shows that
more finely than a metric that counts right answers. And the number of layers to keep is found by
doubling and then bisecting instead of one by one. Whether so many are enough is judged on the half
of the evaluation set that chooses; what was found must then pass on the other half
(`export/graphs/through_gate.py`).

The costs of layers are taken as if they added up. They nearly do where few layers stand out; in the
end the gate decides, not the sum.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.errors import ExportError
from export.graphs.onnx_file import load_nodes, size_bytes
from export.graphs.quantize import Nodes
from model_repository.measured import Latency, LayerSensitivity, Sensitivity, SensitivityPoint

_QUANTIZED = {"MatMul", "Gemm", "Gather", "Conv", "Attention", "EmbedLayerNormalization", "LSTM"}
"""Operators whose quantization changes numbers; others only hand int8 values on."""


@dataclass(frozen=True)
class Layer:
    """Nodes of one module of the model.

    PyTorch's exporter puts the path of the module before the names of its nodes.
    """

    name: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Ranked:
    """A layer and what quantizing it alone costs."""

    layer: Layer
    cost: float


def quantized_layers(source: Path, quantized: Path) -> list[Layer]:
    """The layers that full int8 quantizes.

    They have a node that is not in the quantized graph, or has other inputs there.
    """
    kept = {(node.name, *node.input) for node in load_nodes(quantized).graph.node}
    nodes = [node for node in load_nodes(source).graph.node if node.op_type in _QUANTIZED and (node.name, *node.input) not in kept]
    groups: dict[str, list[str]] = {}
    for node in nodes:
        # fused nodes have no path, so each is a layer of its own
        name = node.name.rpartition("/")[0] or node.name
        groups.setdefault(name, []).append(node.name)
    return [Layer(name.strip("/"), tuple(names)) for name, names in groups.items()]


def rank(layers: Sequence[Layer], cost: Callable[[Layer], float], advance: Callable[[int, int], None]) -> list[Ranked]:
    """The layers by what each costs alone, the most sensitive first.

    A cost that is not a number counts as the highest.
    """
    ranked = []
    for done, layer in enumerate(layers, start=1):
        found = cost(layer)
        ranked.append(Ranked(layer, found if found == found else float("inf")))
        advance(done, len(layers))
    return sorted(ranked, key=lambda one: -one.cost)


def fewest_kept(count: int, passes: Callable[[int], bool]) -> int:
    """The smallest number of layers to keep in fp32 such that the version passes.

    `passes(n)` keeps the n most sensitive ones; more layers must never make it worse. It is called
    at most `most_tries(count)` times.

    Raises:
        ExportError: it does not pass even with one layer left in int8.
    """
    if passes(0):
        return 0
    failed, tried = 0, 1
    while tried < count and not passes(tried):
        failed, tried = tried, min(2 * tried, count)
    # with no layer in int8 the graph is the fp32 one
    if tried >= count:
        tried = count - 1
        if tried <= failed or not passes(tried):
            raise ExportError(f"int8 does not pass even with {tried} of {count} layers kept in fp32; use another precision")
    while tried - failed > 1:
        middle = (failed + tried) // 2
        if passes(middle):
            tried = middle
        else:
            failed = middle
    return tried


def most_tries(count: int) -> int:
    """How many numbers of layers are tried at most: doubling, then bisecting."""
    return 2 * math.ceil(math.log2(count)) + 2


def search_seconds(layers: int, quantize_s: float, judge_s: float, sample: float) -> float:
    """Seconds that a search may take, by those of making one int8 graph and judging it.

    `sample` is the share of the texts that the cost of a layer is measured on.
    """
    return layers * (quantize_s + judge_s * min(sample, 1.0)) + most_tries(layers) * (quantize_s + judge_s)


@dataclass(frozen=True)
class Attempt:
    """A graph that keeps the `kept` most sensitive layers in fp32."""

    kept: int
    graph: Path
    quality: float
    passes: bool


@dataclass(frozen=True)
class Search:
    """The ranked layers, what was tried (fewest layers kept first), and the attempt to package."""

    ranked: Sequence[Ranked]
    attempts: Sequence[Attempt]
    chosen: Attempt


def search(
    layers: Sequence[Layer],
    make: Callable[[Nodes, str], Path],
    cost: Callable[[Path], float],
    judge: Callable[[Path], tuple[float, bool]],
    advance: Callable[[int, int], None],
    *,
    least: int = 0,
    whole_curve: bool = False,
) -> Search:
    """Rank the layers, and find the fewest to keep in fp32.

    `make` writes an int8 graph into the folder of that name, `cost` is how far a graph's scores
    moved, `judge` its quality and whether it may be packaged. With fewer than `least` layers kept
    it may not be, whatever `judge` says. `whole_curve` also tries a doubling number of layers
    beyond that, so that the curve is seen where it is flat.

    Raises:
        ExportError: no layer is quantized, or the version does not pass even with one layer left in
            int8.
    """
    if len(layers) < 2:
        raise ExportError(f"int8 quantizes {len(layers)} layers of this graph, so there are none to choose between; use another precision")
    steps = len(layers) + most_tries(len(layers))
    ranked = rank(layers, lambda layer: cost(make(Nodes(only=layer.nodes), "alone")), lambda done, _: advance(done, steps))
    attempts: dict[int, Attempt] = {}

    def passes(kept: int) -> bool:
        if kept not in attempts:
            exclude = [node for one in ranked[:kept] for node in one.layer.nodes]
            graph = make(Nodes(exclude=exclude), f"kept-{kept}")
            quality, may_be_packaged = judge(graph)
            attempts[kept] = Attempt(kept, graph, quality, may_be_packaged and kept >= least)
            advance(len(layers) + len(attempts), steps)
        return attempts[kept].passes

    chosen = fewest_kept(len(ranked), passes)
    if whole_curve:
        for power in range((len(ranked) - 1).bit_length()):
            passes(2**power)
    return Search(ranked, [attempts[kept] for kept in sorted(attempts)], attempts[chosen])


def described(found: Search, latencies: Sequence[tuple[Latency, ...]], texts: int) -> Sensitivity:
    """A search as the manifest keeps it, with the latencies of its attempts."""
    nodes = [len(one.layer.nodes) for one in found.ranked]
    return Sensitivity(
        texts=texts,
        layers=tuple(
            LayerSensitivity(layer=one.layer.name, nodes=len(one.layer.nodes), mean_score_difference=one.cost) for one in found.ranked
        ),
        curve=tuple(
            SensitivityPoint(
                layers_kept=attempt.kept,
                nodes_kept=sum(nodes[: attempt.kept]),
                quality=attempt.quality,
                passes=attempt.passes,
                size_bytes=size_bytes(attempt.graph),
                latencies=own,
            )
            for attempt, own in zip(found.attempts, latencies, strict=True)
        ),
        layers_kept=found.chosen.kept,
    )


def curve(found: Sensitivity) -> list[str]:
    """Quality against size and latency as lines of text, one for each number of layers tried."""
    lines = []
    for point in found.curve:
        parts = [f"{point.layers_kept:3d} layers in fp32: quality {point.quality:.4f}", f"{point.size_bytes / 1e6:.1f} MB"]
        parts += [f"{one.ms:.2f} ms for {one.batch} x {one.tokens} tokens" for one in point.latencies]
        lines.append(", ".join(parts if point.passes else [*parts, "does not pass"]))
    return lines
