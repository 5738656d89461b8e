"""Merge a PEFT adapter into its base model."""

import hashlib
import warnings
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PeftModel, get_peft_model_state_dict

from export import commands
from export.checkpoints.checkpoint import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from export.checkpoints.json_file import read_object
from export.checkpoints.weights import WRAPPERS, named, tensor_shapes, wrapper_of
from export.errors import ExportError, RecipeError, first_line

_PREFIX = "base_model.model."
_CORRECTED_BY_PEFT = "fan_in_fan_out"
"""A setting that PEFT corrects by itself where it is wrong, and says so."""


def replaced_tensors(adapter: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of an adapter's tensors, by the names of the base model's tensors that they replace.

    An adapter replaces tensors of the head; its other tensors have names that the base model lacks.
    """
    return {name.removeprefix(_PREFIX): shape for name, shape in tensor_shapes(adapter, "adapter").items()}


def merge(base: Any, adapter: Path, untrained: Collection[str], ignored: Collection[str] = ()) -> Any:
    """`base` with the adapter merged into its weights.

    `untrained` names the tensors that the checkpoint did not bring, `ignored` the keys of
    `adapter_config.json` that the recipe says change no answer.

    Raises:
        RecipeError: an adapter of another shape or kind, one that brings no trained head, or one
            that says or holds what nobody reads.
        ExportError: the merge changed none of the checkpoint's tensors.
    """
    _require_keys_read(adapter, ignored)
    _require_names(adapter)
    replaced = replaced_tensors(adapter)
    _resize_embeddings(base, replaced)
    weights = base.state_dict()
    for name, shape in replaced.items():
        if name in weights and (expected := tuple(weights[name].shape)) != shape:
            raise RecipeError(
                f"adapter: its {name} has shape {list(shape)}, and the model with {base.config.num_labels} labels needs {list(expected)}; "
                "name as many labels as the head has outputs, or choose the checkpoint that the adapter was trained on"
            )
    if missing := sorted(set(untrained) - set(replaced)):
        raise RecipeError(f"adapter: neither it nor the checkpoint holds {named(missing)}, so the model would answer by chance")
    before = {name: _fingerprint(tensor) for name, tensor in weights.items() if name not in untrained}
    wrapped = _wrapped(base, adapter, {f"{_PREFIX}{name}" for name in weights})
    if not hasattr(wrapped.base_model, "merge_and_unload"):
        raise RecipeError(f"adapter: {adapter} is of a kind that cannot be merged into the weights; LoRA and its relatives can")
    try:
        merged = wrapped.merge_and_unload()
    except Exception as exc:  # each kind of adapter has its own way to fail
        raise RecipeError(f"adapter: {adapter} cannot be merged into the weights: {first_line(exc)}") from exc
    after = merged.state_dict()
    if all(_fingerprint(after[name]) == fingerprint for name, fingerprint in before.items()):
        raise ExportError(
            f"merging the adapter {adapter} changed 0 of the checkpoint's {len(before)} tensors: "
            "it was not trained, or is not for this checkpoint"
        )
    return merged


def _wrapped(base: Any, adapter: Path, of_base: Collection[str]) -> Any:
    """PEFT's model of a base and an adapter, of which each tensor was read.

    `of_base` are the base model's own tensors, as an adapter names them.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            wrapped = PeftModel.from_pretrained(base, str(adapter))
            known = set(get_peft_model_state_dict(wrapped, save_embedding_layers=False))
    # PEFT takes the file's values as they are, and falls over them in many ways
    except Exception as exc:
        raise RecipeError(f"adapter: {adapter} does not fit the checkpoint: {first_line(exc)}") from exc
    said = [str(one.message).splitlines()[0] for one in caught if "peft" in Path(one.filename).parts and _matters(one)]
    if lacking := [message for message in said if "missing adapter keys" in message]:
        raise RecipeError(f"adapter: {adapter / ADAPTER_WEIGHTS} is incomplete: {lacking[0][:300]}")
    if said:
        raise RecipeError(f"adapter: PEFT warns of {adapter}, so the answers may not be those of its training: {said[0][:300]}")
    unread = set(tensor_shapes(adapter, "adapter")) - known - set(of_base)
    if unread:
        raise RecipeError(
            f"adapter: {adapter / ADAPTER_WEIGHTS} holds tensors that the checkpoint has no place for: {named(unread)}; "
            "choose the checkpoint that the adapter was trained on"
        )
    return wrapped


def _matters(warning: warnings.WarningMessage) -> bool:
    return not issubclass(warning.category, DeprecationWarning | FutureWarning) and _CORRECTED_BY_PEFT not in str(warning.message)


def _require_keys_read(adapter: Path, ignored: Collection[str]) -> None:
    """Require that PEFT knows each key that says something; it drops the others with a warning."""
    settings = read_object(adapter / ADAPTER_CONFIG, "adapter")
    kind = str(settings.get("peft_type"))
    if kind not in PEFT_TYPE_TO_CONFIG_MAPPING:
        raise RecipeError(f"adapter: {adapter / ADAPTER_CONFIG} says peft_type {kind}, which the installed PEFT does not know")
    known = {field.name for field in fields(PEFT_TYPE_TO_CONFIG_MAPPING[kind])}
    # a newer version of PEFT writes its new settings also where they are off
    unread = [name for name, value in settings.items() if value and name not in {*known, *ignored, "peft_version"}]
    if unread:
        raise RecipeError(
            f"adapter: {adapter / ADAPTER_CONFIG} says {', '.join(f'{name}: {settings[name]}'[:80] for name in unread)}, which the "
            f"installed PEFT does not know, so the answers may not be those of its training; if it changes none, add ignored_keys: "
            f"[{', '.join(unread)}] to the recipe, else merge it where it was trained and export the merged checkpoint"
        )


def _require_names(adapter: Path) -> None:
    """Require names as PEFT writes them."""
    names, path = set(tensor_shapes(adapter, "adapter")), adapter / ADAPTER_WEIGHTS
    if (wrapper := wrapper_of(names)) is not None:
        raise RecipeError(
            f"adapter: the names in {path} begin with {wrapper} ({WRAPPERS[wrapper]} puts it there); write them without it: "
            f"{commands.unwrap(adapter, wrapper)}"
        )
    if names and not any(name.startswith(_PREFIX) for name in names):
        raise RecipeError(
            f"adapter: the names in {path} do not begin with {_PREFIX}, as PEFT writes them (such as {min(names)}); "
            "save the adapter with PEFT's save_pretrained"
        )


def _resize_embeddings(base: Any, replaced: dict[str, tuple[int, ...]]) -> None:
    """Give the model as many tokens as the embeddings that the adapter brings: it added some."""
    embeddings = base.get_input_embeddings()
    [name] = [name for name, module in base.named_modules() if module is embeddings]
    shape, own = replaced.get(f"{name}.weight"), tuple(embeddings.weight.shape)
    if shape is not None and len(shape) == len(own) and shape[0] > own[0] and shape[1:] == own[1:]:
        base.resize_token_embeddings(shape[0], mean_resizing=False)


def _fingerprint(tensor: torch.Tensor) -> bytes:
    return hashlib.blake2b(tensor.detach().contiguous().numpy().data).digest()
