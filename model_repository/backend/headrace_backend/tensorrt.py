"""Options of ONNX Runtime's TensorRT provider.

They set precisions, the shapes that one engine is built for, and where engines are kept. They
follow the provider's documentation; no TensorRT has run them yet.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

PROVIDER = "TensorrtExecutionProvider"


@dataclass(frozen=True)
class EngineLimits:
    """The version's precision as in its manifest, and the largest batch and longest text.

    An engine is built for these shapes at load; without them TensorRT would build a new one for
    each larger shape that comes, for minutes.
    """

    precision: str
    max_batch: int
    max_length: int


def default_engine_cache() -> Path:
    """Where engines are kept: in the user's own cache.

    Whoever can write there decides what runs on the GPU.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace" / "tensorrt"


def provider_options(device_id: int, inputs: Collection[str], limits: EngineLimits, engine_cache: Path) -> dict[str, str]:
    """Options of the TensorRT provider, for a graph with these inputs [batch, sequence].

    int8 is enabled for static int8 only: its QuantizeLinear/DequantizeLinear pairs carry the
    ranges, and other graphs have none. What is not quantized runs in half precision there, and in
    fp16 versions; an fp32 version stays as it is.
    """
    half, int8 = limits.precision in ("fp16", "int8-static"), limits.precision == "int8-static"
    shapes = {
        "min": (1, 1),
        "opt": (max(1, limits.max_batch // 2), max(1, limits.max_length // 2)),
        "max": (limits.max_batch, limits.max_length),
    }
    profiles = {
        f"trt_profile_{name}_shapes": ",".join(f"{tensor}:{batch}x{length}" for tensor in sorted(inputs))
        for name, (batch, length) in shapes.items()
    }
    return {
        "device_id": str(device_id),
        "trt_fp16_enable": str(half),
        "trt_int8_enable": str(int8),
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(engine_cache),
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": str(engine_cache),
        **profiles,
    }
