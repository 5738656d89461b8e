"""Which precision and optimization run well on which target.

This is the one table, with refusals that say what to use instead.
"""

from typing import Literal

from model_repository.measured import Optimization, Precision, Target

RecipePrecision = Literal["int8", "fp16", "fp32"]

DEFAULT: dict[Target, RecipePrecision] = {"cpu": "int8", "gpu": "fp16"}

_PACKAGED: dict[tuple[Target, RecipePrecision], Precision] = {
    ("cpu", "int8"): "int8-dynamic",
    ("cpu", "fp32"): "fp32",
    ("gpu", "int8"): "int8-static",
    ("gpu", "fp16"): "fp16",
    ("gpu", "fp32"): "fp32",
}


def packaged_precision(target: Target, precision: RecipePrecision, *, calibrated: bool = False) -> Precision:
    """The manifest's name of a recipe's precision.

    `calibrated`: the recipe names texts to calibrate static int8 with.

    Raises:
        ValueError: a combination that would be slower than what it replaces; the message says which
            to use.
    """
    if (target, precision) == ("gpu", "int8") and not calibrated:
        raise ValueError(
            "precision int8 on target gpu without calibration is dynamic int8 and would be slower than what it replaces: ONNX Runtime's "
            "CUDA provider does not run dynamically quantized graphs fast; add the field calibration for static int8 through TensorRT, "
            "or use precision: fp16"
        )
    if (target, precision) == ("cpu", "fp16"):
        raise ValueError("precision fp16 on target cpu would be slower than what it replaces; use precision: int8, or fp32")
    return _PACKAGED[target, precision]


def require_optimization_fits(target: Target, precision: RecipePrecision, optimization: Optimization | None) -> None:
    """Require an optimization level and a precision that go together.

    Raises:
        ValueError: they do not; the message says what to use.
    """
    if optimization == "O4" and (target, precision) != ("gpu", "fp16"):
        raise ValueError(f"optimization O4 is O3 in half precision for GPUs, not for {precision} on target {target}; use O3")
    if (target, precision) == ("gpu", "int8") and optimization not in (None, "O1"):
        raise ValueError(
            f"optimization {optimization} fuses nodes into operators of ONNX Runtime that TensorRT lacks; use O1, or remove the field"
        )
