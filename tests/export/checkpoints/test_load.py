import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from export.checkpoints.load import load
from export.errors import ExportError, RecipeError
from export.inputs import Inputs
from export.tasks import TASKS

Read = Callable[..., Inputs]
TASK = TASKS["text-classification"]


def edit_json(path: Path, **changes: Any) -> None:
    fields = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}))


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(5, 60, (4, 12), generator=torch.Generator().manual_seed(0))


def test_a_merged_adapter_answers_as_the_adapter_beside_its_base(
    inputs: Read, encoder: Path, adapted: tuple[Path, Any], labels: tuple[str, ...], ids: torch.Tensor
) -> None:
    folder, unmerged = adapted
    reference = load(inputs(checkpoint=str(encoder), adapter=str(folder)), TASK)
    assert reference.answering.labels == labels
    with torch.inference_mode():
        torch.testing.assert_close(reference.model(ids).logits, unmerged(ids).logits, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(unmerged(ids).logits, unmerged.base_model.model.bert.pooler.dense.weight.new_zeros(4, 3))


@pytest.mark.parametrize("kind", ["dora", "ia3"])
def test_other_adapters_are_merged_too(
    inputs: Read, encoder: Path, new_adapter: Callable[..., Any], ids: torch.Tensor, kind: str, tmp_path: Path
) -> None:
    unmerged = new_adapter(tmp_path / kind, kind=kind)
    reference = load(inputs(checkpoint=str(encoder), adapter=kind), TASK)
    with torch.inference_mode():
        torch.testing.assert_close(reference.model(ids).logits, unmerged(ids).logits, rtol=1e-4, atol=1e-5)


@pytest.fixture
def own_code(classifier: Path, tmp_path: Path) -> Path:
    """A checkpoint whose class comes in a file of its own."""
    folder = shutil.copytree(classifier, tmp_path / "own_code")
    (folder / "own_model.py").write_text(
        "from transformers import BertConfig, BertForSequenceClassification\n\n\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own'\n\n\n"
        "class OwnModel(BertForSequenceClassification):\n    config_class = OwnConfig\n"
    )
    auto_map = {"AutoConfig": "own_model.OwnConfig", "AutoModelForSequenceClassification": "own_model.OwnModel"}
    edit_json(folder / "config.json", model_type="own", auto_map=auto_map)
    return folder


def test_code_of_a_checkpoint_runs_only_where_the_recipe_says_so(inputs: Read, own_code: Path) -> None:
    with pytest.raises(RecipeError, match=r"brings program code of its own, .* add trust_remote_code: true"):
        load(inputs(checkpoint=str(own_code)), TASK)
    trusted = load(inputs(checkpoint=str(own_code), trust_remote_code=True), TASK)
    assert type(trusted.model).__name__ == "OwnModel"


def test_other_code_is_another_checkpoint(inputs: Read, own_code: Path) -> None:
    before = inputs(checkpoint=str(own_code)).digest
    (own_code / "own_model.py").write_text("raise SystemExit")
    assert inputs(checkpoint=str(own_code)).digest != before


def test_an_architecture_that_nobody_knows_is_refused(inputs: Read, classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(classifier, tmp_path / "unheard")
    edit_json(folder / "config.json", model_type="unheard-of")
    with pytest.raises(RecipeError, match=r"cannot be loaded for text-classification: .*unheard-of"):
        load(inputs(checkpoint="unheard"), TASK)


def test_an_adapter_that_changes_nothing_is_refused(inputs: Read, encoder: Path, new_adapter: Callable[..., Any], tmp_path: Path) -> None:
    new_adapter(tmp_path / "untrained", trained=False)
    with pytest.raises(ExportError, match=r"changed 0 of the checkpoint's [0-9]+ tensors"):
        load(inputs(checkpoint=str(encoder), adapter="untrained"), TASK)


def test_an_adapter_without_a_head_is_refused_on_a_checkpoint_without_one(
    inputs: Read, encoder: Path, new_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    new_adapter(tmp_path / "headless", head=False)
    with pytest.raises(RecipeError, match=r"neither it nor the checkpoint holds classifier\.bias, classifier\.weight"):
        load(inputs(checkpoint=str(encoder), adapter="headless"), TASK)


def test_a_checkpoint_without_a_head_is_refused(inputs: Read, encoder: Path) -> None:
    with pytest.raises(RecipeError, match=r"does not hold classifier\.bias, classifier\.weight, so the model would answer by chance"):
        load(inputs(checkpoint=str(encoder), labels=["a", "b", "c"]), TASK)


@pytest.fixture
def unnamed(classifier: Path, tmp_path: Path) -> Path:
    """The classifier without names for its labels."""
    folder = shutil.copytree(classifier, tmp_path / "unnamed")
    config = json.loads((folder / "config.json").read_text())
    del config["id2label"], config["label2id"]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_as_many_labels_as_the_checkpoints_head_has_outputs_are_needed(inputs: Read, unnamed: Path) -> None:
    with pytest.raises(RecipeError, match=r"labels: the checkpoint's classifier\.\w+ has shape \[3.*2 labels \(yes, no\) need \[2"):
        load(inputs(checkpoint=str(unnamed), labels=["yes", "no"]), TASK)


def test_as_many_labels_as_the_adapters_head_has_outputs_are_needed(
    inputs: Read, encoder: Path, adapted: tuple[Path, Any], tmp_path: Path
) -> None:
    folder = shutil.copytree(adapted[0], tmp_path / "nameless")
    (folder / "config.json").unlink()
    with pytest.raises(RecipeError, match=r"adapter: its classifier\.\w+ has shape \[3.*the model with 2 labels needs \[2"):
        load(inputs(checkpoint=str(encoder), adapter="nameless", labels=["yes", "no"]), TASK)


def test_labels_that_nobody_names_are_asked_for(inputs: Read, encoder: Path, adapted: tuple[Path, Any], tmp_path: Path) -> None:
    folder = shutil.copytree(adapted[0], tmp_path / "nameless")
    (folder / "config.json").unlink()
    with pytest.raises(RecipeError, match=r"add labels: \[first, second, …\] to the recipe"):
        load(inputs(checkpoint=str(encoder), adapter="nameless"), TASK)
    assert load(inputs(checkpoint=str(encoder), adapter="nameless", labels=["x", "y", "z"]), TASK).answering.labels == ("x", "y", "z")


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["warm", "mild", "cold"], r"says cold, mild, warm in another order; .* rename_labels: \{cold: warm, warm: cold\} in its place"),
        (["freezing", "mild", "warm"], r"says cold, mild, warm; .* rename_labels: \{cold: freezing\} in its place"),
        (["cold", "warm"], r"says cold, mild, warm: these are 2 and 3 labels; remove the field"),
    ],
)
def test_labels_that_contradict_the_checkpoint_are_refused(inputs: Read, labels: list[str], reason: str) -> None:
    with pytest.raises(RecipeError, match=f"^labels: the recipe says {', '.join(labels)}, and .*config.json {reason}"):
        load(inputs(labels=labels), TASK)


def test_labels_are_called_otherwise_where_the_recipe_says_so(inputs: Read) -> None:
    assert load(inputs(rename_labels={"cold": "freezing"}), TASK).answering.labels == ("freezing", "mild", "warm")
    with pytest.raises(RecipeError, match=r"rename_labels: .* names no label 'hot'; it names cold, mild, warm"):
        load(inputs(rename_labels={"hot": "x"}), TASK)
    with pytest.raises(RecipeError, match="each name may be there once"):
        load(inputs(rename_labels={"cold": "mild"}), TASK)


def test_numbers_as_names_of_labels_are_these_numbers(inputs: Read, classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(classifier, tmp_path / "numbered")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "id2label": {"0": 2, "1": 0, "2": 1}, "label2id": {"2": 0, "0": 1, "1": 2}}))
    assert load(inputs(checkpoint=str(folder)), TASK).answering.labels == ("2", "0", "1")


def test_labels_of_recipe_and_adapter_that_differ_are_refused(inputs: Read, encoder: Path, adapted: tuple[Path, Any]) -> None:
    with pytest.raises(RecipeError, match=r"the recipe says x, y, z, and .* says cold, mild, warm"):
        load(inputs(checkpoint=str(encoder), adapter=str(adapted[0]), labels=["x", "y", "z"]), TASK)


def test_an_adapter_for_another_shape_is_refused(inputs: Read, encoder: Path, adapted: tuple[Path, Any], tmp_path: Path) -> None:
    folder = shutil.copytree(adapted[0], tmp_path / "wide")
    tensors = load_file(folder / "adapter_model.safetensors")
    wide = {name: torch.ones(2, 48) if name.endswith("lora_A.weight") else tensor for name, tensor in tensors.items()}
    save_file(wide, folder / "adapter_model.safetensors")
    with pytest.raises(RecipeError, match="does not fit the checkpoint"):
        load(inputs(checkpoint=str(encoder), adapter="wide"), TASK)


def test_an_incomplete_adapter_is_refused(inputs: Read, encoder: Path, adapted: tuple[Path, Any], tmp_path: Path) -> None:
    folder = shutil.copytree(adapted[0], tmp_path / "half")
    tensors = load_file(folder / "adapter_model.safetensors")
    save_file({name: tensor for name, tensor in tensors.items() if "layer.1." not in name}, folder / "adapter_model.safetensors")
    with pytest.raises(RecipeError, match="is incomplete"):
        load(inputs(checkpoint=str(encoder), adapter="half"), TASK)


def test_a_setting_of_the_task_that_is_not_possible_is_named_with_what_is(inputs: Read) -> None:
    with pytest.raises(RecipeError, match=r"^postprocessing\.function: Input should be 'softmax', 'sigmoid' or 'identity'$"):
        load(inputs(postprocessing={"function": "tanh"}), TASK)


def test_more_tokens_than_the_checkpoint_has_positions_are_refused(inputs: Read) -> None:
    with pytest.raises(RecipeError, match="max_length: the checkpoint cannot take 33 tokens: it has 32 positions"):
        load(inputs(max_length=33), TASK)


def test_a_checkpoint_without_a_tokenizer_is_refused(inputs: Read, classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(classifier, tmp_path / "mute")
    for path in [*folder.glob("*token*"), *folder.glob("vocab*")]:
        path.unlink()
    with pytest.raises(RecipeError, match=r"holds no tokenizer \(tokenizer\.json"):
        load(inputs(checkpoint="mute"), TASK)


def test_a_checkpoint_in_half_precision_is_loaded_in_full(inputs: Read, classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(classifier, tmp_path / "half")
    tensors = load_file(folder / "model.safetensors")
    save_file({name: tensor.half() for name, tensor in tensors.items()}, folder / "model.safetensors", {"format": "pt"})
    edit_json(folder / "config.json", dtype="float16")
    assert {parameter.dtype for parameter in load(inputs(checkpoint="half"), TASK).model.parameters()} == {torch.float32}
