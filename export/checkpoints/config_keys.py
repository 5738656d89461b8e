"""Keys of a checkpoint's `config.json` that nobody reads.

transformers keeps a key that it does not know as an attribute, in silence: a setting of a newer
version, or of program code of the checkpoint's own, then changes no answer that it should change.
What is read is found in the program: the parameters of the configuration's class, and what the
model's modules ask the configuration for.
"""

import ast
import inspect
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any

import transformers
from transformers import PretrainedConfig
from transformers.generation import GenerationConfig

from export.errors import RecipeError

ANY = object()
"""A key may say anything."""

HARMLESS: Mapping[str, Any] = {
    # notes of who saved it, and from where
    **dict.fromkeys(("_name_or_path", "name_or_path", "model_type", "transformers_version", "_commit_hash", "auto_map"), ANY),
    **dict.fromkeys(("language", "name", "license", "model_name", "tags", "datasets", "metrics", "author", "version"), ANY),
    # kinds of numbers and of kernels: export loads fp32, and kernels compute the same
    **dict.fromkeys(("torch_dtype", "dtype", "use_bfloat16", "tf_legacy_loss", "xla_device", "_attn_implementation_autoset"), ANY),
    **dict.fromkeys(("attn_implementation", "_attn_implementation", "use_flash_attn", "use_flash_attention", "use_cache"), ANY),
    **dict.fromkeys(("reference_compile", "deterministic_flash_attn", "use_memory_efficient_attention", "unpad_inputs"), ANY),
    **dict.fromkeys(("output_past", "transformers.js_config", "unsloth_version", "unsloth_fixed"), ANY),
    # training only
    **dict.fromkeys(("gradient_checkpointing", "initializer_range", "initializer_factor", "initializer_cutoff_factor", "init_std"), ANY),
    **dict.fromkeys(("init_method", "label_smoothing", "repad_logits_with_grad", "sparse_prediction", "sparse_pred_ignore_index"), ANY),
    **dict.fromkeys(("predict_special_tokens", "tie_weights_", "_num_labels"), ANY),
    # lengths: the recipe says how long texts are, and one text of that length is tried
    **dict.fromkeys(("model_max_length", "max_seq_length", "max_seq_len", "n_ctx", "n_positions", "seq_length"), ANY),
    # the original BERT's and ALBERT's, of program code that transformers does not have
    **dict.fromkeys(("pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head"), ANY),
    **dict.fromkeys(("down_scale_factor", "net_structure_type", "gap_size", "num_memory_blocks"), ANY),
    "pooler_type": "first_token_transform",
    "directionality": "bidi",
    # fairseq's of BART, at the values that transformers' program has
    **dict.fromkeys(("extra_pos_embeddings", "force_bos_token_to_be_generated"), ANY),
    **dict.fromkeys(("add_bias_logits", "add_final_layer_norm", "normalize_before", "static_position_embeddings"), False),
    "normalize_embedding": True,
    # generation of text
    "scale_decoder_outputs": ANY,
    **dict.fromkeys(GenerationConfig().to_dict(), ANY),
    # export reads them itself
    **dict.fromkeys(("matryoshka_dimensions", "sentence_transformers", "sbert_ce_default_activation_function"), ANY),
}
"""Keys that change no answer where no program reads them, whatever they say or at this value."""

_HARMLESS_NAMES = re.compile(r".*(dropout|dropout_prob|_pdrop|drop_path_rate|layerdrop|_token_ids?|_token_index)$")
"""Dropout is off at inference, and ids of tokens are for training and generation, where no program
reads them."""

_ROPE_SCALING = frozenset(
    [
        "rope_type",
        "type",
        "factor",
        "original_max_position_embeddings",
        "attention_factor",
        "beta_fast",
        "beta_slow",
        "mscale",
        "mscale_all_dim",
        "truncate",
        "short_factor",
        "long_factor",
        "low_freq_factor",
        "high_freq_factor",
        "finetuned",
    ]
)


def require_all_read(fields: Mapping[str, Any], model: Any, ignored: Collection[str]) -> None:
    """Require that each key of a `config.json` is read, or is known to change no answer.

    `ignored` are keys that the recipe says change none.

    Raises:
        RecipeError: the message names the key, and what to do.
    """
    unread = [name for name in unread_keys(fields, model) if name not in ignored]
    if unread:
        shown = ", ".join(f"{name}: {_shown(fields, name)}" for name in unread[:5])
        raise RecipeError(
            f"checkpoint: config.json says {shown}, which neither transformers {transformers.__version__}'s "
            f"{type(model).__name__} nor export reads, so the answers may be others than the model's own; if it changes none, "
            f"add ignored_keys: [{', '.join(unread)}] to the recipe, else export cannot serve this checkpoint"
        )


def unread_keys(fields: Mapping[str, Any], model: Any) -> list[str]:
    """Names of the keys that nobody reads and that may change answers."""
    read = read_keys(model)
    unread = [
        name for name, value in fields.items() if name not in read and not says_nothing(value) and not is_harmless(name, value, fields)
    ]
    if isinstance(scaling := fields.get("rope_scaling"), dict):
        unread += [f"rope_scaling.{name}" for name in sorted(set(scaling) - _ROPE_SCALING)]
    return unread


def read_keys(model: Any) -> set[str]:
    """Keys that a model's configuration class or one of its modules reads."""
    kinds = {type(part) for part in model.modules()}
    classes = {base for kind in kinds for base in kind.__mro__}
    modules = {found for base in classes if (found := sys.modules.get(base.__module__)) is not None and _is_of_a_model(found)}
    config = type(model.config)
    modules |= {sys.modules[base.__module__] for base in config.__mro__ if issubclass(base, PretrainedConfig)}
    named = {name for module in modules for name in _asked_for(module)}
    if any(hasattr(module, "ROPE_INIT_FUNCTIONS") for module in modules):
        named |= _asked_for(transformers.modeling_rope_utils)
    return named | _parameters(config) | set(config.attribute_map) | set(config.attribute_map.values())


def says_nothing(value: object) -> bool:
    """Whether a key with this value is as one that is not there."""
    return value is None or value in ("", [], {})


def is_harmless(name: str, value: object, fields: Mapping[str, Any]) -> bool:
    """Whether a key of a `config.json`, which has these `fields`, changes no answer."""
    if name in HARMLESS:
        return HARMLESS[name] is ANY or HARMLESS[name] == value
    match name, fields.get("model_type"):
        case "head_dim", _:
            heads, size = fields.get("num_attention_heads"), fields.get("hidden_size")
            return isinstance(heads, int) and isinstance(size, int) and heads > 0 and value == size // heads
        case "position_embedding_type", _:
            return value in ("absolute", "sans_pos")
        case "emb_size", _:  # of checkpoints that were converted from another framework
            return value == fields.get("hidden_size")
        case (("is_causal" | "causal_mask"), "modernbert"):
            return value is False
        case "layer_norm_eps", _:
            return value == fields.get("norm_eps")
        case "rope_theta", "esm":  # the only base that the program has
            return value == 10000
    return bool(_HARMLESS_NAMES.fullmatch(name))


def _shown(fields: Mapping[str, Any], name: str) -> str:
    outer, _, inner = name.partition(".")
    value = fields[outer][inner] if inner else fields[outer]
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _is_of_a_model(module: ModuleType) -> bool:
    """Whether a module is of one architecture, or of the heads that architectures share."""
    name = module.__name__
    return ".models." in name or name.startswith("transformers_modules") or name == "transformers.modeling_layers"


def _parameters(config: type) -> set[str]:
    """Parameters of a configuration's class, and the attributes that it makes of them."""
    found = {name for base in config.__mro__ for name in inspect.signature(base.__init__).parameters} - {"self", "args", "kwargs"}  # type: ignore[misc]
    try:
        return found | set(vars(config()))
    except Exception:  # a class of a checkpoint's own may need arguments; its parameters are known
        return found


@cache
def _asked_for(module: ModuleType) -> set[str]:
    """What a module reads of anything that is called config, or pops from keyword arguments."""
    try:
        return set(_names(ast.parse(inspect.getsource(module))))
    except (OSError, TypeError, SyntaxError):
        return set()


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_config(node.value):
            yield node.attr
        if isinstance(node, ast.Call) and len(node.args) > 0:
            named, at = node.func, 1
            if isinstance(named, ast.Attribute) and named.attr in ("get", "pop") and _is_called(named.value, "kwargs", "config"):
                at = 0
            elif not (isinstance(named, ast.Name) and named.id in ("getattr", "hasattr") and _is_config(node.args[0])):
                continue
            if len(node.args) > at and isinstance(node.args[at], ast.Constant):
                yield str(node.args[at].value)  # type: ignore[attr-defined]


def _is_config(node: ast.AST) -> bool:
    return _is_called(node, "config")


def _is_called(node: ast.AST, *endings: str) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name.endswith(endings)
