"""Checkpoints of transformers 5, whose format differs, as folders that transformers 4.57 reads.

Optimum, which makes the graph, needs 4.57. What 4.57 would misread is translated (rotary settings,
the tokenizer's class and its lists), and what nobody compared with version 5's own answers is
refused. The weights are the same in both.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from export import commands
from export.checkpoints import rope
from export.checkpoints.json_file import read_object
from export.errors import RecipeError, first_line

CONFIG, TOKENIZER_CONFIG, TOKENIZER = "config.json", "tokenizer_config.json", "tokenizer.json"
_VERSION = 5

MODEL_TYPES = (
    *("albert", "bart", "bert", "big_bird", "bloom", "camembert", "convbert", "data2vec-text", "deberta", "deberta-v2", "distilbert"),
    *("electra", "ernie", "esm", "flaubert", "gpt2", "gpt_bigcode", "gpt_neo", "gptj", "layoutlm", "mbart", "megatron-bert"),
    *("mobilebert", "mpnet"),
    *("nystromformer", "opt", "rembert", "roberta", "roberta-prelayernorm", "roformer", "squeezebert", "t5", "xlm", "xlm-roberta"),
    *("xlm-roberta-xl", *rope.ARCHITECTURES),
)
"""Architectures whose answers from a checkpoint of transformers 5 were compared with its own."""

_GIVES_TOKEN_TYPES = (
    *("BertTokenizer", "DebertaTokenizer", "DebertaV2Tokenizer", "FNetTokenizer", "LxmertTokenizer", "MarkupLMTokenizer"),
    *("MobileBertTokenizer", "DPRQuestionEncoderTokenizer"),
)
"""Tokenizers of transformers 5 that give `token_type_ids` where their file does not say.

Version 4's classes of the same name differ: its ALBERT and RemBERT tokenizers give them.
"""

_BACKEND_ONLY = ("granite", "mistral", "modernbert", "nemotron", "nystromformer", "phi3", "stablelm", "xlm-roberta-xl")
"""Architectures for which transformers 5 takes no notice of a tokenizer's class."""


def readable(folder: Path) -> tuple[Path, TemporaryDirectory[str] | None]:
    """A folder that transformers 4.57 reads as transformers 5 reads `folder`.

    It is `folder` itself where nothing needs a translation, else one in a temporary directory,
    which lasts as long as it is referred to, with links to the files that stay as they are.

    Raises:
        RecipeError: a file cannot be read, or version 5 says in it what 4.57 cannot express.
    """
    changed = _translated(folder)
    if all(fields == read_object(folder / name) for name, fields in changed.items()):
        return folder, None
    scratch = TemporaryDirectory(prefix="headrace-checkpoint-")
    made = Path(scratch.name, folder.name or "checkpoint")
    made.mkdir()
    for path in folder.iterdir():
        if path.name not in changed:
            (made / path.name).symlink_to(path)
    for name, fields in changed.items():
        (made / name).write_text(json.dumps(fields, indent=2), encoding="utf-8")
    return made, scratch


def _translated(folder: Path) -> dict[str, Mapping[str, Any]]:
    """The files that 4.57 would misread, as it reads them."""
    changed: dict[str, Mapping[str, Any]] = {}
    config = read_object(folder / CONFIG) if (folder / CONFIG).is_file() else {}
    if _is_of_version_5(config):
        require_known(config, folder)
        with _as_written(folder / CONFIG):
            changed[CONFIG] = rope.translated(config)
    if (folder / TOKENIZER_CONFIG).is_file():
        tokenizer = read_object(folder / TOKENIZER_CONFIG)
        if _is_of_tokenizers_5(tokenizer):
            pre_tokenizer = _pre_tokenizer(folder / TOKENIZER)
            with _as_written(folder / TOKENIZER_CONFIG):
                changed[TOKENIZER_CONFIG] = translated_tokenizer(tokenizer, pre_tokenizer, str(config.get("model_type")))
    return changed


@contextmanager
def _as_written(file: Path) -> Iterator[None]:
    """A value of another type than transformers writes is a fault of the file."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise RecipeError(
            f"checkpoint: {file} is of transformers 5 and holds a value that it does not write ({first_line(exc)}); fetch it again"
        ) from exc


def require_known(config: Mapping[str, Any], folder: Path) -> None:
    """Require an architecture and a version of transformers whose format was compared.

    Raises:
        RecipeError: the message names both, and the command that makes a folder that is read, where
            there is one.
    """
    version, model_type = config.get("transformers_version"), config.get("model_type")
    architecture = next(iter(_listed(config.get("architectures"))), None)
    if _major(version) > _VERSION:
        raise RecipeError(
            f"checkpoint: config.json says transformers_version {version}, and export reads the formats of transformers 4 and {_VERSION}; "
            f"save the model with version {_VERSION} (pip install 'transformers>={_VERSION},<{_VERSION + 1}') in an environment "
            f"of its own, and name the folder beside: {commands.save_anew(folder, architecture, elsewhere=True)}"
        )
    if model_type in MODEL_TYPES:
        return
    said = (
        f"checkpoint: it was saved by transformers {version}, and export reads that format of these architectures only: "
        f"{', '.join(sorted(MODEL_TYPES))}; {model_type} is none of them"
    )
    if rope.FIELD in config:
        raise RecipeError(
            f"{said}, and transformers 4.57, which export reads with, would pass over {rope.FIELD} in silence: this checkpoint cannot be "
            "exported; choose one that transformers 4 saved"
        )
    raise RecipeError(
        f"{said}, so nobody knows whether transformers 4.57, which export reads with, reads it right. To let 4.57 read it and save it anew "
        f"beside, run this, compare its answers with yours, and name the new folder: {commands.save_anew(folder, architecture)}"
    )


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def translated_tokenizer(fields: Mapping[str, Any], pre_tokenizer: Mapping[str, Any], model_type: str) -> dict[str, Any]:
    """A `tokenizer_config.json` of transformers 5, as 4.57 reads it.

    `tokenizer.json` holds all that version 5's own class does; version 4's classes would change
    parts of it. So the class that takes it as it is is named, with what version 5's class gives.
    """
    own = str(fields.get("tokenizer_class") or "TokenizersBackend").removesuffix("Fast")
    gives = own in _GIVES_TOKEN_TYPES and model_type not in _BACKEND_ONLY
    usual = ["input_ids", *(["token_type_ids"] if gives else []), "attention_mask"]
    found = {name: value for name, value in fields.items() if name not in ("backend", "is_local", "local_files_only")}
    extra = found.pop("extra_special_tokens", None)
    additional = found.get("additional_special_tokens") or []
    if not isinstance(additional, list):
        raise TypeError("additional_special_tokens is no list")
    if isinstance(extra, list):
        found["additional_special_tokens"] = [*additional, *extra]
    elif extra:
        found["extra_special_tokens"] = extra
    return {
        **found,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": fields.get("model_input_names") or usual,
        # 4.57 writes it into the pre-tokenizer
        "add_prefix_space": pre_tokenizer.get("add_prefix_space", False),
    }


def _pre_tokenizer(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise RecipeError(
            f"checkpoint: {path.parent / TOKENIZER_CONFIG} was saved by transformers 5, and {path.name}, which it needs, is not beside it; "
            "write it with transformers 5 (pip install 'transformers>=5,<6') in an environment of its own: "
            f"{commands.save_tokenizer(path.parent)}"
        )
    found = read_object(path).get("pre_tokenizer")
    return found if isinstance(found, dict) else {}


def _is_of_version_5(config: Mapping[str, Any]) -> bool:
    return _major(config.get("transformers_version")) >= _VERSION or rope.FIELD in config


def _is_of_tokenizers_5(fields: Mapping[str, Any]) -> bool:
    return (
        "backend" in fields or fields.get("tokenizer_class") == "TokenizersBackend" or isinstance(fields.get("extra_special_tokens"), list)
    )


def _major(version: object) -> int:
    found = re.match(r"\d+", version) if isinstance(version, str) else None
    return int(found[0]) if found else 0
