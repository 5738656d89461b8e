"""What the packaged version is compared with: the fp32 PyTorch model.

Its answers to the evaluation set are computed once for the same weights and texts.
"""

import inspect
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from export.graphs.batches import BatchInputs, Floats, Run
from export.graphs.serving import Outputs

_NUMPY = b"\x93NUMPY"


def torch_run(model: Any, outputs: Iterable[str], *, token_types: bool = True) -> Run:
    """A PyTorch model as a function of padded int64 inputs.

    Inputs that it does not take are left out, and `token_type_ids` where its tokenizer gives none:
    zeros are no default of every model.
    """
    names = set(inspect.signature(model.forward).parameters) - (set() if token_types else {"token_type_ids"})
    wanted = list(outputs)

    def run(inputs: BatchInputs) -> list[Floats]:
        with torch.inference_mode():
            result = model(**{name: torch.from_numpy(value) for name, value in inputs.items() if name in names})
        return [result[name].numpy() for name in wanted]

    return run


def reference_outputs(answer: Callable[[], Outputs], examples: int, cache: Path) -> Outputs:
    """The reference's answers: read from `cache`, or else computed and written there."""
    if cache.is_file():
        cached = _read(cache)
        if len(cached) == examples:
            return cached
    computed = answer()
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(".part")
    with part.open("wb") as file:
        if isinstance(computed, np.ndarray):
            np.save(file, computed)
        else:
            file.write(json.dumps(computed).encode())
    part.replace(cache)
    return computed


def _read(cache: Path) -> Outputs:
    data = cache.read_bytes()
    return np.load(io.BytesIO(data), allow_pickle=False) if data.startswith(_NUMPY) else json.loads(data)
