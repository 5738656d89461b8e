"""Which of ONNX Runtime's fusions are left out when a graph is loaded, since they make it slower.

`SkipLayerNormFusion` makes one node of an addition and the layer normalization after it. On a CPU
that node takes several times as long as the two (ONNX Runtime 1.31): without it an int8 encoder
takes 12 % less time where it is 384 wide, 7 % where it is 768 wide.
"""

_SLOWER_ON_CPU = ("SkipLayerNormFusion",)


def left_out(provider: str) -> list[str]:
    """Names of the fusions that are left out on this execution provider.

    They are for `disabled_optimizers` of `InferenceSession`.
    """
    return list(_SLOWER_ON_CPU) if provider == "CPUExecutionProvider" else []
