"""The tensors of safetensors files: their shapes, and whether a model reads them as it should."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from export.checkpoints.json_file import require_content
from export.errors import RecipeError, first_line

WRAPPERS = {"_orig_mod.": "torch.compile", "module.": "DataParallel", "_fsdp_wrapped_module.": "FSDP"}
"""Prefixes of the names of tensors that were saved from inside a wrapper."""
NAMED = 5
"""The most tensors that a message names."""
_BUFFERS = re.compile(r"(position_ids|inv_freq|masked_bias|attn\.bias|attention\.bias)$")
"""Tensors of old versions that models compute themselves today."""
_BEGINNING_BYTES = 64


def tensor_shapes(folder: Path, field: str = "checkpoint") -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors in a folder's safetensors files, by name.

    Only the headers of the files are read.

    Raises:
        RecipeError: a file is none of safetensors; the message names the recipe's `field`.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            require_content(path, file.read(_BEGINNING_BYTES), field)
        try:
            with safe_open(path, framework="np") as file:
                shapes |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - not a mapping
        except (SafetensorError, OSError) as exc:
            raise RecipeError(f"{field}: {path} is no whole safetensors file ({first_line(exc)}); fetch it again") from exc
    return shapes


def named(names: Iterable[str]) -> str:
    """The first names of many."""
    ordered = sorted(names)
    return f"{', '.join(ordered[:NAMED])}{f' and {len(ordered) - NAMED} more' if len(ordered) > NAMED else ''}"


def wrapper_of(names: Collection[str]) -> str | None:
    """The prefix that names of tensors have from a wrapper; None: they have none."""
    return next((prefix for prefix in WRAPPERS if names and all(name.startswith(prefix) for name in names)), None)


def require_all_read(folder: Path, model: Any, unread: Collection[str]) -> None:
    """Require that of the body's tensors the model reads each.

    Heads of other tasks may lie beside it. Tensors of the body that nobody reads are layers or
    parts that `config.json` does not tell of, and the model would answer without them.

    Raises:
        RecipeError: the message names some of them.
    """
    body = getattr(model, "base_model", model)
    prefix = f"{model.base_model_prefix}." if model.base_model_prefix else ""
    parts = {name for name, _ in body.named_children()} - {"pooler"}
    left = [name for name in unread if name.removeprefix(prefix).partition(".")[0] in parts and not _BUFFERS.search(name)]
    if left:
        raise RecipeError(
            f"checkpoint: {folder} holds tensors that the model of its config.json does not read: {named(left)}; "
            "correct config.json (num_hidden_layers, biases, model_type), or take them out of the weights"
        )


def require_finite(folder: Path, model: Any) -> None:
    """Require that all weights are numbers.

    Raises:
        RecipeError: the message names the first tensors that are not.
    """
    wrong = [name for name, weight in model.named_parameters() if not bool(weight.isfinite().all())]
    if wrong:
        raise RecipeError(
            f"checkpoint: {folder} has weights that are no numbers (nan or infinite) in {named(wrong)}, so no answer could be one; "
            "its training diverged or the file is damaged: choose an earlier checkpoint"
        )
