import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from named_command import run_named
from safetensors.torch import load_file

from export.checkpoints import checkpoint
from export.errors import RecipeError
from model_repository.manifest import file_digest

CONVERT, CONVERT_THERE = "convert it with: ", "convert it there with: "


def as_pickle(folder: Path, safetensors: str, pickle: str) -> Path:
    torch.save(load_file(folder / safetensors), folder / pickle)
    (folder / safetensors).unlink()
    return folder


def test_a_folder_is_found_relative_to_the_recipe(classifier: Path) -> None:
    found = checkpoint.resolve(classifier.name, classifier.parent)
    assert found.folder == classifier
    assert found.name == classifier.name
    assert found.revision is None


def test_a_folder_inside_a_package_is_found_without_importing_it(classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_weights"
    shutil.copytree(classifier, package / "model")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert checkpoint.resolve("package:some_weights/model", tmp_path).folder == package / "model"
    with pytest.raises(RecipeError, match="has no folder 'weights'"):
        checkpoint.resolve("package:some_weights/weights", tmp_path)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("nowhere", "there is no folder"),
        ("package:not_installed_here/model", "the package 'not_installed_here' of package:not_installed_here/model is not installed"),
        ("package:../etc", "is not installed"),
        ("some-org/some-model", "add the revision to use: some-org/some-model@<commit or tag>"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_named(written: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=f"^checkpoint: .*{reason}"):
        checkpoint.resolve(written, tmp_path)


def test_a_model_on_the_hub_that_is_not_cached_needs_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(RecipeError, match="some-org/some-model@v1 is not in the local cache, and the Hugging Face Hub cannot be reached"):
        checkpoint.resolve("some-org/some-model@v1", tmp_path)


def test_a_model_on_the_hub_is_taken_from_the_cache_with_its_commit(
    classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    model = tmp_path / "models--some-org--some-model"
    shutil.copytree(classifier, model / "snapshots" / commit)
    (model / "refs").mkdir()
    (model / "refs/v1").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    found = checkpoint.resolve("some-org/some-model@v1", tmp_path)
    assert found.folder == model / "snapshots" / commit
    assert found.revision == commit


@pytest.mark.parametrize("kind", ["BertForTokenClassification", "BertForQuestionAnswering", "BertForSequenceClassification", "BertModel"])
@pytest.mark.parametrize("sharded", [False, True])
def test_a_pickled_checkpoint_is_refused_with_the_command_that_converts_it(
    tiny: Callable[..., Any], kind: str, sharded: bool, tmp_path: Path
) -> None:
    model, folder = tiny(getattr(transformers, kind)), tmp_path / "it's [pickled]"
    model.save_pretrained(folder, safe_serialization=False, max_shard_size="20KB" if sharded else "5GB")
    assert (len([*folder.glob("pytorch_model*.bin")]) > 1) == sharded
    with pytest.raises(RecipeError, match="no safetensors weights, and a pickle can run code") as caught:
        checkpoint.resolve(folder.name, tmp_path)
    run_named(str(caught.value), CONVERT, tmp_path)
    assert checkpoint.resolve(folder.name, tmp_path).folder == folder
    expected, actual = model.state_dict(), load_file(folder / "model.safetensors")
    assert {*expected} <= {*actual}, "the head is there, too"
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_pickled_weights_of_a_module_are_converted_with_it(classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(classifier, tmp_path / "model")
    (folder / "2_Dense").mkdir()
    modules = [{"idx": 0, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    torch.save({"linear.weight": torch.eye(3)}, folder / "2_Dense/pytorch_model.bin")
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(RecipeError, match="2_Dense has no safetensors weights, and a pickle can run code") as caught:
        checkpoint.resolve("model", tmp_path)
    run_named(str(caught.value), CONVERT, tmp_path)
    checkpoint.resolve("model", tmp_path)
    assert torch.equal(load_file(folder / "2_Dense/model.safetensors")["linear.weight"], torch.eye(3))
    assert (folder / "model.safetensors").read_bytes() == before


def test_a_model_on_the_hub_with_pickles_only_is_fetched_and_converted(
    classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    model = tmp_path / "cache/models--some-org--some-model"
    as_pickle(shutil.copytree(classifier, model / "snapshots" / commit), "model.safetensors", "pytorch_model.bin")
    (model / "refs").mkdir()
    (model / "refs/v1").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RecipeError, match=r"some-org/some-model@v1 has no safetensors .*fetch it into the folder some-model") as caught:
        checkpoint.resolve("some-org/some-model@v1", tmp_path)
    run_named(str(caught.value), CONVERT_THERE, tmp_path, {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "cache")})
    assert checkpoint.resolve("some-model", tmp_path).folder == tmp_path / "some-model"
    assert not (model / "snapshots" / commit / "model.safetensors").exists(), "the cache is as it was"


@pytest.mark.parametrize("name", ["last.ckpt", "model.pth", "tf_model.h5", "flax_model.msgpack", "training_args.bin"])
def test_files_of_a_training_are_no_weights(classifier: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(classifier, tmp_path / "trained")
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(RecipeError, match=f"holds no weights .*, and {name}, .*; save the model with save_pretrained where it was trained"):
        checkpoint.resolve("trained", tmp_path)


def test_a_pickled_adapter_is_refused_with_the_command_that_converts_it(adapted: tuple[Path, Any], tmp_path: Path) -> None:
    folder = as_pickle(shutil.copytree(adapted[0], tmp_path / "pickled"), "adapter_model.safetensors", "adapter_model.bin")
    with pytest.raises(RecipeError, match="holds a pickle only") as caught:
        checkpoint.resolve_adapter(Path("pickled"), tmp_path)
    run_named(str(caught.value), CONVERT, tmp_path)
    assert checkpoint.resolve_adapter(Path("pickled"), tmp_path).folder == folder


@pytest.mark.parametrize(("removed", "reason"), [("config.json", "holds no config.json"), ("model.safetensors", "holds no weights")])
def test_an_incomplete_checkpoint_is_refused(classifier: Path, tmp_path: Path, removed: str, reason: str) -> None:
    folder = shutil.copytree(classifier, tmp_path / "incomplete")
    (folder / removed).unlink()
    with pytest.raises(RecipeError, match=reason):
        checkpoint.resolve("incomplete", tmp_path)


def test_a_folder_without_an_adapter_is_refused(classifier: Path) -> None:
    with pytest.raises(RecipeError, match=r"holds no adapter_config\.json"):
        checkpoint.resolve_adapter(classifier, Path())


def test_the_digest_follows_weights_and_settings_and_not_notes(classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(classifier, tmp_path / "copy")
    assert checkpoint.folder_digest(folder) == checkpoint.folder_digest(classifier)
    (folder / "README.md").write_text("notes")
    assert checkpoint.folder_digest(folder) == checkpoint.folder_digest(classifier)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 0.1}))
    assert checkpoint.folder_digest(folder) != checkpoint.folder_digest(classifier)


def test_weights_other_than_expected_are_refused(classifier: Path) -> None:
    digest = file_digest(classifier / "model.safetensors").removeprefix("sha256:")
    assert checkpoint.resolve(str(classifier), Path(), digest).folder == classifier
    with pytest.raises(RecipeError, match=f"has sha256 {digest}, and {'0' * 64} is expected"):
        checkpoint.resolve(str(classifier), Path(), "0" * 64)
