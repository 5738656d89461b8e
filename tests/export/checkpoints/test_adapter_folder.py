"""What lies in an adapter's folder beside its weights is obeyed or refused, never passed over."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import BertTokenizerFast

from export.checkpoints.load import load
from export.errors import RecipeError
from export.inputs import Inputs
from export.tasks import TASKS
from model_repository.postprocessing import TextClassification

Read = Callable[..., Inputs]
TASK = TASKS["text-classification"]


@pytest.fixture
def folder(adapted: tuple[Path, Any], tmp_path: Path) -> Path:
    return shutil.copytree(adapted[0], tmp_path / "adapter")


@pytest.fixture
def loaded(inputs: Read, encoder: Path, folder: Path) -> Callable[..., Any]:
    return lambda task=TASK, **recipe: load(inputs(checkpoint=str(encoder), adapter=str(folder), **recipe), task)


def write(path: Path, settings: object) -> None:
    path.write_text(json.dumps(settings))


def configure(folder: Path, **settings: object) -> None:
    path = folder / "config.json"
    write(path, {**json.loads(path.read_text()), **settings})


def test_the_kind_of_problem_is_the_adapters(loaded: Callable[..., Any], folder: Path) -> None:
    configure(folder, problem_type="multi_label_classification")
    reference = loaded()
    assert reference.model.config.problem_type == "multi_label_classification"
    assert TextClassification.model_validate(reference.answering.postprocessing).function == "sigmoid"


def test_another_configuration_than_the_checkpoints_is_refused_by_key(loaded: Callable[..., Any], folder: Path) -> None:
    configure(folder, hidden_act="relu", _name_or_path="elsewhere", transformers_version="4.40.0", use_cache=False)
    with pytest.raises(RecipeError, match=r"says hidden_act: relu, and the checkpoint says otherwise.*ignored_keys: \[hidden_act\]"):
        loaded()
    assert loaded(ignored_keys=["hidden_act"])


@pytest.mark.parametrize("name", ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"])
def test_files_of_sentence_transformers_are_refused_unless_the_checkpoint_has_the_same(
    loaded: Callable[..., Any], folder: Path, encoder: Path, name: str
) -> None:
    write(folder / name, {"truncate_dim": 4})
    with pytest.raises(RecipeError, match=rf"{name} says how sentence-transformers uses the model"):
        loaded()
    assert loaded(ignored_keys=[name])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("TOKEN_CLS", "says task_type: TOKEN_CLS, and text-classification has another head"), ("CAUSAL_LM", "says task_type: CAUSAL_LM")],
)
def test_an_adapter_of_another_task_is_refused(loaded: Callable[..., Any], folder: Path, kind: str, reason: str) -> None:
    path = folder / "adapter_config.json"
    write(path, {**json.loads(path.read_text()), "task_type": kind})
    with pytest.raises(RecipeError, match=reason):
        loaded()


def test_a_tokenizer_without_tokenizer_json_is_the_adapters_all_the_same(
    loaded: Callable[..., Any], folder: Path, encoder: Path, tmp_path: Path
) -> None:
    own = BertTokenizerFast.from_pretrained(encoder, truncation_side="left")
    own.save_pretrained(tmp_path / "own")
    for name in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(tmp_path / "own" / name, folder)
    assert loaded().tokenizer.truncation_side == "left"


def test_settings_of_a_tokenizer_without_a_vocabulary_are_refused(loaded: Callable[..., Any], folder: Path) -> None:
    write(folder / "tokenizer_config.json", {"do_lower_case": False, "truncation_side": "left"})
    with pytest.raises(RecipeError, match=r"says otherwise than the checkpoint's, and there is no vocabulary beside it"):
        loaded()
