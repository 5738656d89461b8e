"""The fp32 PyTorch model's outputs on the evaluation set, computed once for the same weights and texts."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from export.batches import BatchInputs, Run, outputs
from export.tasks.task import Floats
from export.tokenization import Encoded

BATCH_SIZE = 8


def torch_run(model: Any, output: str) -> Run:
    """A PyTorch model as a function of padded int64 inputs; inputs that it does not take are left out."""
    names = set(inspect.signature(model.forward).parameters)

    def run(inputs: BatchInputs) -> Floats:
        with torch.inference_mode():
            result = model(**{name: torch.from_numpy(value) for name, value in inputs.items() if name in names})
        floats: Floats = result[output].numpy()
        return floats

    return run


def reference_outputs(run: Run, encoded: Encoded, cache: Path, advance: Callable[[int, int], None]) -> Floats:
    """Outputs [examples, labels]; read from `cache` where they lie already, and written there otherwise."""
    if cache.is_file():
        cached: Floats = np.load(cache, allow_pickle=False)
        if len(cached) == len(encoded):
            return cached
    computed = outputs(run, encoded, BATCH_SIZE, advance)
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(".part.npy")
    np.save(part, computed)
    part.replace(cache)
    return computed
