"""Merge a PEFT adapter into its base model."""

import hashlib
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from export.checkpoints.checkpoint import ADAPTER_WEIGHTS, tensor_shapes
from export.errors import ExportError, RecipeError, first_line

_PREFIX = "base_model.model."


def replaced_tensors(adapter: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of an adapter's tensors, by the names of the base model's tensors that they replace.

    An adapter replaces tensors of the head; its other tensors have names that the base model lacks.
    """
    return {name.removeprefix(_PREFIX): shape for name, shape in tensor_shapes(adapter).items()}


def merge(base: Any, adapter: Path, untrained: Collection[str]) -> Any:
    """`base` with the adapter merged into its weights.

    `untrained` names the tensors that the checkpoint did not bring.

    Raises:
        RecipeError: an adapter of another shape or kind, or one that brings no trained head.
        ExportError: the merge changed none of the checkpoint's tensors.
    """
    replaced = replaced_tensors(adapter)
    weights = base.state_dict()
    for name, shape in replaced.items():
        if name in weights and (expected := tuple(weights[name].shape)) != shape:
            raise RecipeError(
                f"adapter: its {name} has shape {list(shape)}, and the model with {base.config.num_labels} labels needs {list(expected)}; "
                "name as many labels as the head has outputs, or choose the checkpoint that the adapter was trained on"
            )
    if missing := sorted(set(untrained) - set(replaced)):
        raise RecipeError(f"adapter: neither it nor the checkpoint holds {', '.join(missing)}, so the model would answer by chance")
    before = {name: _fingerprint(tensor) for name, tensor in weights.items() if name not in untrained}
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            wrapped = PeftModel.from_pretrained(base, str(adapter))
    except (ValueError, RuntimeError, KeyError, TypeError) as exc:
        raise RecipeError(f"adapter: {adapter} does not fit the checkpoint: {first_line(exc)}") from exc
    if lacking := [str(w.message).splitlines()[0] for w in caught if "missing adapter keys" in str(w.message)]:
        raise RecipeError(f"adapter: {adapter / ADAPTER_WEIGHTS} is incomplete: {lacking[0][:300]}")
    if not hasattr(wrapped.base_model, "merge_and_unload"):
        raise RecipeError(f"adapter: {adapter} is of a kind that cannot be merged into the weights; LoRA and its relatives can")
    merged = wrapped.merge_and_unload()
    after = merged.state_dict()
    if all(_fingerprint(after[name]) == fingerprint for name, fingerprint in before.items()):
        raise ExportError(
            f"merging the adapter {adapter} changed 0 of the checkpoint's {len(before)} tensors: "
            "it was not trained, or is not for this checkpoint"
        )
    return merged


def _fingerprint(tensor: torch.Tensor) -> bytes:
    return hashlib.blake2b(tensor.detach().contiguous().numpy().data).digest()
