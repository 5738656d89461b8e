"""The tokenizer of a checkpoint, read and checked before anything is made of it."""

import inspect
import re
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import transformers

from export.checkpoints.json_file import read_object, require_content
from export.errors import RecipeError, first_line

TOKENIZER, CONFIG = "tokenizer.json", "tokenizer_config.json"
SPECIAL_TOKENS, ADDED_TOKENS = "special_tokens_map.json", "added_tokens.json"
_VOCABULARIES = (TOKENIZER, "vocab.txt", "vocab.json", "*.model")
_BEGINNING_BYTES = 64

HARMLESS: Mapping[str, str] = {
    "notes, and where files lay": "tokenizer_class processor_class name_or_path special_tokens_map_file tokenizer_file vocab_file "
    "merges_file spm_file vocabulary_file emoji_file auto_map use_fast is_local local_files_only backend device_map init_inputs",
    "the recipe's max_length cuts, and of padding nothing is read": "model_max_length max_len max_length max_seq_length stride "
    "truncation_strategy truncation padding padding_side pad_to_multiple_of pad_token_type_id pad_token_segment_id",
    "decoding and conversation": "clean_up_tokenization_spaces spaces_between_special_tokens chat_template default_chat_template "
    "use_default_system_prompt errors response_template response_schema",
    "of slow tokenizers, or in tokenizer.json already": "do_basic_tokenize never_split sp_model_kwargs do_lower_case strip_accents "
    "tokenize_chinese_chars keep_accents remove_space split_by_punct vocab_type unk_id extra_ids legacy legacy_behaviour lowercase "
    "normalization wordpieces_prefix do_word_tokenize do_subword_tokenize trim_offsets add_prefix_space add_dummy_prefix_space "
    "add_bos_token add_eos_token from_slow",
    "read by transformers' tokenizer or by export": "model_input_names truncation_side added_tokens_decoder extra_special_tokens "
    "additional_special_tokens split_special_tokens model_specific_special_tokens fix_mistral_regex",
}
"""Why keys of `tokenizer_config.json` change no answer beyond what `tokenizer.json` or the class of
the tokenizer makes of them, as transformers' own fast tokenizer does: reason → keys."""
_HARMLESS = frozenset(name for names in HARMLESS.values() for name in names.split())

_SPECIAL = re.compile(r"[a-z_]+_token")


def load_tokenizer(folder: Path, shown: Path, *, trust_remote_code: bool, ignored: Collection[str]) -> Any:
    """The fast tokenizer in a folder, or the one that its sentencepiece model makes.

    Messages name the folder `shown`. `ignored` are keys that the recipe says change no answer.

    Raises:
        RecipeError: there is none, it cannot be read, has no fast form, or says what nobody reads.
    """
    # without files transformers would make an empty tokenizer
    if not any(path for pattern in _VOCABULARIES for path in folder.glob(pattern)):
        raise RecipeError(f"checkpoint: {shown} holds no tokenizer ({', '.join(_VOCABULARIES)})")
    settings = read_object(folder / CONFIG) if (folder / CONFIG).is_file() else {}
    _require_whole_files(folder)
    _require_no_own_code(settings, shown, trust_remote_code=trust_remote_code, ignored=ignored)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, use_fast=True, local_files_only=True, trust_remote_code=trust_remote_code
        )
    # tokenizers raises nothing more specific, and classes fall over other classes' files
    except Exception as exc:
        raise RecipeError(_unreadable(folder, shown, exc)) from exc
    if not getattr(tokenizer, "is_fast", False):
        raise RecipeError(f"checkpoint: the tokenizer of {shown} has no fast form (tokenizer.json), which serving needs")
    if not isinstance(tokenizer.model_max_length, int | float):
        raise RecipeError(f"checkpoint: {shown / CONFIG} says model_max_length: {tokenizer.model_max_length!r}, which is no number")
    _require_keys_read(settings, tokenizer, shown, ignored)
    _require_added_tokens(folder, tokenizer, shown)
    if getattr(tokenizer.backend_tokenizer.model, "dropout", None):
        raise RecipeError(
            f"checkpoint: {shown / TOKENIZER} says dropout, with which a text becomes other tokens each time; set it to null, as it is for "
            "training"
        )
    return tokenizer


def pad_id(tokenizer: Any, config: Any, rows: int) -> int:
    """The id that fills up a batch for a model with embeddings of `rows` tokens.

    A model leaves the padding out by the id in its own configuration, which may differ from the
    tokenizer's.

    Raises:
        RecipeError: neither names one.
    """
    for found in (getattr(config, "pad_token_id", None), tokenizer.pad_token_id):
        if isinstance(found, int) and 0 <= found < rows:
            return found
    raise RecipeError(
        "checkpoint: neither its tokenizer nor its config.json names a padding token, so texts cannot be answered together; "
        "add pad_token_id to config.json: an id that no text has"
    )


def gives_token_types(tokenizer: Any) -> bool:
    """Whether the tokenizer says that the model reads which text of a pair a token is of."""
    return "token_type_ids" in tokenizer.model_input_names


def _require_whole_files(folder: Path) -> None:
    for name in (SPECIAL_TOKENS, ADDED_TOKENS, TOKENIZER):
        if (folder / name).is_file():
            read_object(folder / name)
    for pattern in _VOCABULARIES[1:]:
        for path in folder.glob(pattern):
            with path.open("rb") as file:
                require_content(path, file.read(_BEGINNING_BYTES))


def _require_no_own_code(settings: Mapping[str, Any], shown: Path, *, trust_remote_code: bool, ignored: Collection[str]) -> None:
    if settings.get("auto_map") and not trust_remote_code and "auto_map" not in ignored:
        raise RecipeError(
            f"checkpoint: {shown / CONFIG} says auto_map: its tokenizer is program code of its own, which could do anything; read it, "
            "and if it may run here, add trust_remote_code: true; if transformers' own class gives the same tokens, add "
            "ignored_keys: [auto_map]"
        )


def _require_keys_read(settings: Mapping[str, Any], tokenizer: Any, shown: Path, ignored: Collection[str]) -> None:
    read = {name for base in type(tokenizer).__mro__ for name in inspect.signature(base.__init__).parameters}  # type: ignore[misc]
    unread = [
        name
        for name, value in settings.items()
        if value not in (None, "", [], {}) and name not in {*read, *_HARMLESS, *ignored} and not _SPECIAL.fullmatch(name)
    ]
    if unread:
        raise RecipeError(
            f"checkpoint: {shown / CONFIG} says {', '.join(f'{name}: {str(settings[name])[:60]}' for name in unread[:5])}, which neither "
            f"{type(tokenizer).__name__} nor export reads, so texts may become other tokens than the model's; if it changes none, "
            f"add ignored_keys: [{', '.join(unread)}] to the recipe, else export cannot serve this checkpoint"
        )
    if tokenizer.split_special_tokens:
        raise RecipeError(
            f"checkpoint: {shown / CONFIG} says split_special_tokens, which serving does not do: {TOKENIZER} has no place for it; "
            "set it to false if no text holds the names of special tokens"
        )


def _require_added_tokens(folder: Path, tokenizer: Any, shown: Path) -> None:
    if not (folder / ADDED_TOKENS).is_file():
        return
    for token, index in read_object(folder / ADDED_TOKENS).items():
        if (found := tokenizer.convert_tokens_to_ids(token)) != index:
            raise RecipeError(
                f"checkpoint: {shown / ADDED_TOKENS} says that {token!r} is token {index}, and {TOKENIZER} makes it {found}; "
                "save the tokenizer anew with save_pretrained, so that its files agree"
            )


def _unreadable(folder: Path, shown: Path, exc: Exception) -> str:
    needed = f"checkpoint: {shown} holds a tokenizer that cannot be read"
    if isinstance(exc, ModuleNotFoundError) and exc.name:
        return f"{needed} without the package {exc.name}, and has no fast form (tokenizer.json), which serving needs"
    if not (folder / TOKENIZER).is_file() and any(folder.glob("*.model")) and find_spec("sentencepiece") is None:
        return f"{needed} without the package sentencepiece: it is a sentencepiece model; pip install sentencepiece"
    return f"{needed} ({first_line(exc)[:300]}); save it anew with save_pretrained, or fetch its files again"
