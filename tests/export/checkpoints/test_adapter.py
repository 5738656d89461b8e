"""Adapters as they come; what is right comes from PEFT itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertForSequenceClassification

from export.checkpoints.load import load
from export.errors import RecipeError
from export.inputs import Inputs
from export.tasks import TASKS

Read = Callable[..., Inputs]
TASK = TASKS["text-classification"]


@pytest.fixture
def changed(adapted: tuple[Path, Any], tmp_path: Path) -> Callable[..., Path]:
    """The adapter with other settings, or other names of its tensors."""

    def make(rename: Callable[[str], str] = str, **settings: Any) -> Path:
        folder = shutil.copytree(adapted[0], tmp_path / "changed")
        path = folder / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
        tensors = load_file(folder / "adapter_model.safetensors")
        save_file({rename(name): tensor for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
        return folder

    return make


def test_settings_of_a_newer_peft_are_refused_where_they_say_something(inputs: Read, encoder: Path, changed: Any) -> None:
    folder = changed(lora_spin=0.5, lora_twist=None, lora_turn=False)
    with pytest.raises(RecipeError, match=r"says lora_spin: 0\.5, which the installed PEFT does not know.*ignored_keys: \[lora_spin\]"):
        load(inputs(checkpoint=str(encoder), adapter=str(folder)), TASK)
    with pytest.raises(RecipeError, match=r"PEFT warns of .*Unexpected keyword arguments"):
        load(inputs(checkpoint=str(encoder), adapter=str(folder), ignored_keys=["lora_spin"]), TASK)


@pytest.mark.parametrize(
    ("rename", "reason"),
    [
        (lambda name: name.removeprefix("base_model.model."), r"do not begin with base_model\.model\., as PEFT writes them \(such as bert"),
        (lambda name: f"_orig_mod.{name}", r"begin with _orig_mod\. \(torch\.compile puts it there\); write them without it: .*python -c"),
        (lambda name: name.replace("layer.1.", "layer.7."), r"(is incomplete|has no place for)"),
    ],
)
def test_tensors_that_nobody_reads_are_refused(
    inputs: Read, encoder: Path, changed: Any, rename: Callable[[str], str], reason: str
) -> None:
    with pytest.raises(RecipeError, match=reason):
        load(inputs(checkpoint=str(encoder), adapter=str(changed(rename))), TASK)


def test_an_adapter_that_holds_more_than_the_checkpoint_has_is_refused(inputs: Read, encoder: Path, changed: Any) -> None:
    folder = changed()
    tensors = load_file(folder / "adapter_model.safetensors")
    more = {name.replace("layer.1.", "layer.2."): tensor.clone() for name, tensor in tensors.items() if "layer.1." in name}
    save_file({**tensors, **more}, folder / "adapter_model.safetensors")
    with pytest.raises(
        RecipeError, match=r"holds tensors that the checkpoint has no place for: base_model\.model\.bert\.encoder\.layer\.2"
    ):
        load(inputs(checkpoint=str(encoder), adapter=str(folder)), TASK)


@pytest.fixture
def grown(encoder: Path, tmp_path: Path) -> Callable[..., tuple[Path, Any]]:
    """An adapter that was trained with three more tokens, and its model as PEFT loads it."""

    def make(**save: Any) -> tuple[Path, Any]:
        tokenizer = AutoTokenizer.from_pretrained(encoder)
        tokenizer.add_tokens(["<one>", "<two>", "<three>"])
        torch.manual_seed(8)
        names = {0: "cold", 1: "mild", 2: "warm"}
        base = BertForSequenceClassification.from_pretrained(encoder, num_labels=3, id2label=names)
        base.resize_token_embeddings(len(tokenizer))
        settings = LoraConfig(task_type=TaskType.SEQ_CLS, r=2, target_modules=["query", "value"], init_lora_weights=False)
        model = get_peft_model(base, settings)
        folder = tmp_path / "grown"
        model.save_pretrained(folder, **save)
        base.config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder, model.eval()

    return make


def test_tokens_that_were_added_for_an_adapter_come_with_it(inputs: Read, encoder: Path, grown: Any) -> None:
    folder, model = grown(save_embedding_layers=True)
    assert isinstance(model, PeftModel)
    reference = load(inputs(checkpoint=str(encoder), adapter=str(folder)), TASK)
    ids = torch.tensor([[2, len(reference.tokenizer) - 1, 7, len(reference.tokenizer) - 3, 3]])
    with torch.inference_mode():
        torch.testing.assert_close(reference.model(ids).logits, model(ids).logits, rtol=1e-4, atol=1e-5)


def test_added_tokens_without_their_embeddings_are_refused(inputs: Read, encoder: Path, grown: Any) -> None:
    folder, _ = grown(save_embedding_layers=False)
    with pytest.raises(RecipeError, match=r"72 tokens, and the model knows 69: .* save it with the embeddings of the new ones"):
        load(inputs(checkpoint=str(encoder), adapter=str(folder)), TASK)
