"""The settings of sentence-transformers' modules: those that serving obeys, by module and name."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from export.errors import RecipeError
from model_repository.postprocessing import POOLING_MODES, Similarity

Settings = Mapping[str, Any]
TOKENS, POOLED, SCORES = "token_embeddings", "sentence_embedding", "scores"
"""What modules hand on, under the names that they know it by."""
WEIGHTED = ("Dense", "LayerNorm", "WeightedLayerPooling")
_LEGACY_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATION = re.compile(r"torch\.nn\.modules\.\w+\.\w+")
_LOADING = {"trust_remote_code", "torch_dtype", "dtype", "attn_implementation", "low_cpu_mem_usage", "local_files_only"}
"""Arguments of loading that change no embedding: weights are read in fp32, and rounded by the
recipe's precision."""

Check = Callable[[Any], bool]


def _any(value: Any) -> bool:
    return True


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _empty(value: Any) -> bool:
    return not value


def _loading(value: Any) -> bool:
    return not value or (isinstance(value, dict) and not set(value) - _LOADING)


def _modes(value: Any) -> bool:
    modes = [value] if isinstance(value, str) else value
    return isinstance(modes, list) and bool(modes) and all(mode in POOLING_MODES for mode in modes)


def _plain_text(value: Any) -> bool:
    """The model's forward pass on texts, and neither chat messages nor images."""
    forward = ({"method": "forward", "method_output_name": name} for name in ("last_hidden_state", "logits"))
    return isinstance(value, dict) and set(value) == {"text"} and value["text"] in forward


def _prompts(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(text, str) for text in value.values()))


KINDS: Mapping[str, Mapping[str, Check]] = {
    "Transformer": {
        "max_seq_length": lambda value: value is None or _count(value),
        "do_lower_case": _flag,
        "transformer_task": lambda value: value in ("feature-extraction", "sequence-classification"),
        "modality_config": _plain_text,
        "module_output_name": lambda value: value in (TOKENS, SCORES),
        "unpad_inputs": _any,
        "processing_kwargs": _empty,
        "tokenizer_name_or_path": _empty,
        "model_args": _loading,
        "model_kwargs": _loading,
        "tokenizer_args": _loading,
        "processor_kwargs": _loading,
        "config_args": _loading,
        "config_kwargs": _loading,
    },
    "Pooling": {
        "word_embedding_dimension": _count,
        "embedding_dimension": _count,
        "pooling_mode": _modes,
        "include_prompt": _flag,
        **dict.fromkeys(_LEGACY_MODES, _flag),
    },
    "Dense": {
        "in_features": _count,
        "out_features": _count,
        "bias": _flag,
        "activation_function": lambda value: isinstance(value, str) and bool(_ACTIVATION.fullmatch(value)),
        "module_input_name": lambda value: value in (None, TOKENS, POOLED),
        "module_output_name": lambda value: value in (None, TOKENS, POOLED, SCORES),
    },
    "LayerNorm": {"dimension": _count},
    "WeightedLayerPooling": {
        "word_embedding_dimension": _count,
        "embedding_dimension": _count,
        "layer_start": _any,
        "num_hidden_layers": _any,
    },
    "Dropout": {"dropout": _any},
    "Normalize": {},
}
"""The modules that serving has, with their settings."""

CONFIG: Mapping[str, Check] = {
    "__version__": _any,
    "model_type": lambda value: value is None or isinstance(value, str),
    "prompts": _prompts,
    "default_prompt_name": lambda value: value is None or isinstance(value, str),
    "similarity_fn_name": lambda value: value is None or value in get_args(Similarity),
    "truncate_dim": lambda value: value is None or _count(value),
    "activation_fn": lambda value: value is None or isinstance(value, str),
}
"""The settings of the whole model."""

_ENTRY: Mapping[str, Check] = {
    "idx": _any,
    "name": _any,
    "path": lambda value: isinstance(value, str) and ".." not in value and not value.startswith("/"),
    "type": lambda value: isinstance(value, str),
    "kwargs": _empty,
}


def require_known(kind: str, file: Path, settings: object) -> None:
    """All settings of a module are ones that serving obeys.

    Raises:
        RecipeError: one is not known, or has a value that serving cannot obey; or one is missing.
    """
    _require(file, settings, KINDS[kind])
    needed = {"Dense": ("in_features", "out_features"), "LayerNorm": ("dimension",)}
    if missing := [name for name in needed.get(kind, ()) if name not in settings]:  # type: ignore[operator] # a mapping by now
        raise RecipeError(f"checkpoint: {file} lacks {missing[0]}")


def require_config(file: Path, settings: object) -> None:
    """All settings of the whole model are ones that serving obeys.

    Raises:
        RecipeError: one is not, or the default prompt is none of the prompts.
    """
    found = _require(file, settings, CONFIG)
    default, prompts = found.get("default_prompt_name"), found.get("prompts") or {}
    if default is not None and default not in {"query", "document", *prompts}:
        raise RecipeError(f"checkpoint: {file}: default_prompt_name: there is no prompt {default!r}; name one of {', '.join(prompts)}")


def require_entry(file: Path, entry: object) -> None:
    """An entry of `modules.json` says only what serving obeys.

    Raises:
        RecipeError: it does not.
    """
    found = _require(file, entry, _ENTRY)
    if missing := [name for name in ("path", "type") if name not in found]:
        raise RecipeError(f"checkpoint: {file}: a module lacks {missing[0]}")


def pooling_modes(settings: Settings) -> tuple[str, ...]:
    """The modes of a Pooling, in the order in which sentence-transformers joins what they give."""
    named = settings.get("pooling_mode")
    if named is None:
        return tuple(mode for name, mode in _LEGACY_MODES.items() if settings.get(name)) or ("mean",)
    return (named,) if isinstance(named, str) else tuple(named)


def _require(file: Path, settings: object, known: Mapping[str, Check]) -> Settings:
    if not isinstance(settings, dict):
        raise RecipeError(f"checkpoint: {file} holds no settings by name")
    for name, value in settings.items():
        if name not in known:
            raise RecipeError(
                f"checkpoint: {file}: {name} is a setting that serving does not know, so answers could be others than "
                f"sentence-transformers'; remove it where it changes none; known are {', '.join(known)}"
            )
        if not known[name](value):
            raise RecipeError(
                f"checkpoint: {file}: {name} is {value!r}, which serving cannot obey, so answers would be others than "
                "sentence-transformers'; choose another checkpoint, or change it where the model was not trained so"
            )
    return settings
