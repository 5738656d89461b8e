"""Which precision runs well on which target: the one table, and the refusals with what to use instead."""

from typing import Literal

from model_repository.manifest import Precision, Target

RecipePrecision = Literal["int8", "fp16", "fp32"]

DEFAULT: dict[Target, RecipePrecision] = {"cpu": "int8", "gpu": "fp16"}

_PACKAGED: dict[tuple[Target, RecipePrecision], Precision] = {
    ("cpu", "int8"): "int8-dynamic",
    ("cpu", "fp32"): "fp32",
    ("gpu", "fp16"): "fp16",
    ("gpu", "fp32"): "fp32",
}

_REFUSED: dict[tuple[Target, RecipePrecision], str] = {
    ("gpu", "int8"): (
        "precision int8 on target gpu would be slower than what it replaces: ONNX Runtime's CUDA provider does not run dynamically "
        "quantized graphs fast; use precision: fp16"
    ),
    ("cpu", "fp16"): "precision fp16 on target cpu would be slower than what it replaces; use precision: int8, or fp32",
}


def packaged_precision(target: Target, precision: RecipePrecision) -> Precision:
    """The manifest's name of a recipe's precision.

    Raises:
        ValueError: a combination that would be slower than what it replaces; the message says which to use.
    """
    if refusal := _REFUSED.get((target, precision)):
        raise ValueError(refusal)
    return _PACKAGED[target, precision]
