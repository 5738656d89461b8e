"""Files of transformers 5 whose values are of other types than it writes."""

import json
from pathlib import Path
from typing import Any

import pytest

from export.checkpoints.version5 import readable
from export.errors import RecipeError

VERSION = "5.24.0"


def write(folder: Path, config: dict[str, Any], **tokenizer: Any) -> Path:
    (folder / "config.json").write_text(json.dumps({"transformers_version": VERSION, **config}))
    if tokenizer:
        (folder / "tokenizer.json").write_text(json.dumps({"pre_tokenizer": {}}))
        (folder / "tokenizer_config.json").write_text(
            json.dumps({"tokenizer_class": "TokenizersBackend", "backend": "tokenizers", **tokenizer})
        )
    return folder


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "qwen2", "rope_parameters": 5},
        {"model_type": "nemotron", "rope_parameters": "default"},
        {"model_type": "modernbert", "rope_parameters": {"full_attention": 5, "sliding_attention": None}},
        {"model_type": "gemma3_text", "rope_parameters": {"full_attention": None}},
        {"model_type": "gemma3_text", "layer_types": 5, "rope_parameters": {"full_attention": {"rope_theta": 1.0}}},
    ],
)
def test_rotary_settings_of_another_type_are_a_sentence(tmp_path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=r"config\.json"):
        readable(write(tmp_path, config))


@pytest.mark.parametrize("value", [5, {"a": 1}, "<a>"])
def test_special_tokens_of_another_type_are_a_sentence(tmp_path: Path, value: object) -> None:
    folder = write(tmp_path, {"model_type": "bert"}, additional_special_tokens=value, extra_special_tokens=["<a>"])
    with pytest.raises(RecipeError, match=r"tokenizer_config\.json is of transformers 5 and holds a value that it does not write"):
        readable(folder)
