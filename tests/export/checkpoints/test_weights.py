"""Weights as they come: wrapped, damaged, with more layers than the configuration tells of."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from named_command import run_named
from safetensors.torch import load_file, save_file
from transformers import BertForSequenceClassification

from export.checkpoints.load import load
from export.errors import RecipeError
from export.inputs import Inputs
from export.tasks import TASKS

Read = Callable[..., Inputs]
TASK = TASKS["text-classification"]
POINTER = (
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


@pytest.fixture
def changed(classifier: Path, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], dict[str, Any]]], Path]:
    """The classifier with other tensors."""

    def make(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
        folder = shutil.copytree(classifier, tmp_path / "changed")
        save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})
        return folder

    return make


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module."])
def test_names_of_a_wrapper_are_refused_with_the_command_that_takes_them_off(inputs: Read, changed: Any, prefix: str) -> None:
    folder = changed(lambda tensors: {f"{prefix}{name}": tensor for name, tensor in tensors.items()})
    with pytest.raises(RecipeError, match=rf"names of its tensors begin with {prefix} \(.*write them without it: .*python -c") as caught:
        load(inputs(checkpoint=str(folder)), TASK)
    assert len(str(caught.value)) < 600
    run_named(str(caught.value), "without it: ", folder)
    load(inputs(checkpoint=str(folder)), TASK)


def test_all_shards_are_written_without_the_names_of_a_wrapper(inputs: Read, classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(classifier, tmp_path / "a folder's [name]")
    (folder / "model.safetensors").unlink()
    model = BertForSequenceClassification.from_pretrained(classifier)
    model.save_pretrained(folder, max_shard_size="20KB", state_dict={f"module.{name}": one for name, one in model.state_dict().items()})
    assert len([*folder.glob("*.safetensors")]) > 1
    with pytest.raises(RecipeError, match="write them without it") as caught:
        load(inputs(checkpoint=str(folder)), TASK)
    run_named(str(caught.value), "without it: ", tmp_path)
    load(inputs(checkpoint=str(folder)), TASK)


def test_weights_that_are_no_numbers_are_blamed(inputs: Read, changed: Any) -> None:
    name = "bert.encoder.layer.0.output.dense.weight"

    def with_nan(tensors: dict[str, Any]) -> dict[str, Any]:
        tensors[name][0, 0] = torch.nan
        return tensors

    with pytest.raises(RecipeError, match=rf"weights that are no numbers \(nan or infinite\) in {name}"):
        load(inputs(checkpoint=str(changed(with_nan))), TASK)


def test_layers_that_the_configuration_does_not_tell_of_are_refused(inputs: Read, edited: Callable[..., Path]) -> None:
    with pytest.raises(RecipeError, match=r"does not read: bert\.encoder\.layer\.1\..* and 11 more; correct config\.json"):
        load(inputs(checkpoint=str(edited("config.json", num_hidden_layers=1))), TASK)


def test_heads_of_other_tasks_and_old_buffers_may_lie_beside(inputs: Read, changed: Any) -> None:
    extra = {"cls.predictions.bias": torch.zeros(3), "bert.embeddings.position_ids": torch.arange(32)[None]}
    load(inputs(checkpoint=str(changed(lambda tensors: {**tensors, **extra}))), TASK)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (POINTER.encode(), r"model\.safetensors is a git-lfs pointer and not the file itself; fetch it with `git lfs pull`"),
        (b"", "is empty; fetch it again"),
        (b"\x00" * 100, "is no whole safetensors file"),
        (None, "is no whole safetensors file"),
    ],
)
def test_damaged_weights_are_refused(inputs: Read, classifier: Path, tmp_path: Path, content: bytes | None, reason: str) -> None:
    folder = shutil.copytree(classifier, tmp_path / "damaged")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    with pytest.raises(RecipeError, match=reason):
        inputs(checkpoint=str(folder))


@pytest.mark.parametrize(
    ("method", "settings"), [("gptq", {"bits": 4, "quant_method": "gptq"}), ("bitsandbytes", {"quant_method": "bitsandbytes"})]
)
def test_weights_that_are_quantized_already_are_refused(
    inputs: Read, edited: Callable[..., Path], method: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(RecipeError, match=rf"quantization_config \({method}\): its weights are quantized already"):
        load(inputs(checkpoint=str(edited("config.json", quantization_config=settings))), TASK)


def test_program_code_that_would_be_passed_over_is_refused(inputs: Read, edited: Callable[..., Path]) -> None:
    """Embedding models made of decoders bring a class of their own under a known model_type."""
    folder = edited("config.json", auto_map={"AutoModelForSequenceClassification": "own.Model"})
    with pytest.raises(RecipeError, match=r"says auto_map: it brings program code .* add trust_remote_code: true; .* ignored_keys: \[auto"):
        load(inputs(checkpoint=str(folder)), TASK)
    load(inputs(checkpoint=str(folder), ignored_keys=["auto_map"]), TASK)


def test_what_a_program_returns_beside_its_answer_changes_none(served: Callable[..., Any], edited: Callable[..., Path]) -> None:
    rows = [("alna bero",), ("cona dura elto",), ("huvo",)]
    beside = {
        "return_dict": False,
        "torchscript": True,
        "output_hidden_states": True,
        "output_attentions": True,
        "chunk_size_feed_forward": 2,
    }
    assert (served(edited("config.json", **beside), rows) == served(edited("config.json"), rows)).all()


def test_numbers_are_names_of_labels(inputs: Read, edited: Callable[..., Path]) -> None:
    folder = edited("config.json", id2label={"0": 0, "1": 1, "2": 2}, label2id=None)
    assert load(inputs(checkpoint=str(folder)), TASK).answering.labels == ("0", "1", "2")


def test_an_adapter_is_no_checkpoint(inputs: Read, adapted: tuple[Path, Any]) -> None:
    with pytest.raises(RecipeError, match=r"is a PEFT adapter \(adapter_config\.json\); name it as adapter: and the model that it was"):
        inputs(checkpoint=str(adapted[0]))


def test_another_vocabulary_in_the_configuration_is_blamed_and_not_the_labels(inputs: Read, edited: Callable[..., Path]) -> None:
    with pytest.raises(
        RecipeError, match=r"^checkpoint: its bert\.embeddings\.word_embeddings\.weight has shape .*fetch both from one place"
    ):
        load(inputs(checkpoint=str(edited("config.json", vocab_size=7))), TASK)


def test_a_length_that_is_no_number_is_refused(inputs: Read, edited: Callable[..., Path]) -> None:
    with pytest.raises(RecipeError, match=r"tokenizer_config\.json says model_max_length: '512', which is no number"):
        load(inputs(checkpoint=str(edited("tokenizer_config.json", model_max_length="512"))), TASK)
