import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from export.checkpoints import checkpoint
from export.errors import RecipeError
from model_repository.manifest import file_digest


def as_pickle(folder: Path, safetensors: str, pickle: str) -> Path:
    torch.save(load_file(folder / safetensors), folder / pickle)
    (folder / safetensors).unlink()
    return folder


def run_named_command(message: str) -> None:
    command = shlex.split(message.partition("convert it with: ")[2])
    assert command[:2] == ["python", "-c"]
    exec(command[2])  # noqa: S102 - the command that the message tells a user to run


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


def test_a_pickled_checkpoint_is_refused_with_the_command_that_converts_it(classifier: Path, tmp_path: Path) -> None:
    folder = as_pickle(shutil.copytree(classifier, tmp_path / "pickled"), "model.safetensors", "pytorch_model.bin")
    with pytest.raises(RecipeError, match="no safetensors weights, and a pickle can run code") as caught:
        checkpoint.resolve("pickled", tmp_path)
    run_named_command(str(caught.value))
    assert checkpoint.resolve("pickled", tmp_path).folder == folder
    expected, actual = load_file(classifier / "model.safetensors"), load_file(folder / "model.safetensors")
    assert actual.keys() == expected.keys()
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_a_pickled_adapter_is_refused_with_the_command_that_converts_it(adapted: tuple[Path, Any], tmp_path: Path) -> None:
    folder = as_pickle(shutil.copytree(adapted[0], tmp_path / "pickled"), "adapter_model.safetensors", "adapter_model.bin")
    with pytest.raises(RecipeError, match="holds a pickle only") as caught:
        checkpoint.resolve_adapter(Path("pickled"), tmp_path)
    run_named_command(str(caught.value))
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
