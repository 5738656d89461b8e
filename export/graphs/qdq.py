"""QuantizeLinear/DequantizeLinear pairs where TensorRT wants them, and nowhere else.

They belong before the inputs of quantized nodes. ONNX Runtime's quantizer also puts a pair after
the outputs of quantized nodes, and lets every other reader of a quantized tensor read the rounded
values: the residual sums would lose precision needlessly, and a bias could not be fused with the
product before it.
"""

from collections.abc import Collection
from pathlib import Path

import onnx

from export.graphs.onnx_file import save


def unquantize_other_readers(graph: Path, quantized: Collection[str]) -> None:
    """Let nodes of operators other than `quantized` read the tensors themselves; in place.

    Pairs that no node reads then are removed.
    """
    model = onnx.load(graph)
    nodes = model.graph.node
    made_by = {output: node for node in nodes for output in node.output}
    for reader in nodes:
        if reader.op_type not in {*quantized, "QuantizeLinear", "DequantizeLinear"}:
            reader.input[:] = [_source(name, made_by) for name in reader.input]
    for pair in ("DequantizeLinear", "QuantizeLinear"):
        read = {name for node in nodes for name in node.input} | {output.name for output in model.graph.output}
        for node in [node for node in nodes if node.op_type == pair and not read.intersection(node.output)]:
            nodes.remove(node)
    read = {name for node in nodes for name in node.input}
    for constant in [tensor for tensor in model.graph.initializer if tensor.name not in read]:
        model.graph.initializer.remove(constant)
    save(model, graph)


def _source(name: str, made_by: dict[str, onnx.NodeProto]) -> str:
    """The tensor that a pair rounds; the name itself where no pair makes it."""
    dequantize = made_by.get(name)
    if dequantize is None or dequantize.op_type != "DequantizeLinear":
        return name
    quantize = made_by.get(dequantize.input[0])
    return str(quantize.input[0]) if quantize is not None else name
