"""Checkpoints that transformers 5 saved answer as it answers itself, or are refused."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from headrace_backend.items import Item
from named_command import run_named

from export.checkpoints import rope, version5
from export.checkpoints.load import Reference, load
from export.checkpoints.tokenization import require_same_tokens, write_tokenizer
from export.checkpoints.version5 import readable, require_known
from export.errors import RecipeError
from export.graphs.batches import Padded
from export.graphs.graph import Graph
from export.graphs.onnx_export import export_onnx
from export.graphs.reference import torch_run
from export.graphs.serving import Serving
from export.inputs import Inputs
from export.tasks import TASKS
from model_repository.manifest import TOKENIZER

Read = Callable[..., Inputs]
TASK = TASKS["text-classification"]
HOME = Path(sys.prefix, "transformers5")
SCRIPT = Path(__file__).parents[2] / "support" / "made_by_transformers5.py"
WITHOUT_ROPE = ("bert", "roberta", "xlm-roberta", "albert", "deberta-v2", "mbart", "gptj")
WITH_ROPE = ("modernbert", "qwen2", "qwen2-pad-in-config", "qwen3-yarn", "llama", "gemma3_text")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints, made by a real transformers 5."""
    if not (HOME / "transformers").is_dir():
        pytest.fail(f"{HOME} holds no transformers 5: make {HOME.parent.name}/transformers5/.installed")
    folder = tmp_path_factory.mktemp("transformers5")
    environment = {**os.environ, "PYTHONPATH": str(HOME), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    subprocess.run([sys.executable, SCRIPT, folder], check=True, env=environment, capture_output=True)
    return folder


def loaded(inputs: Read, folder: Path, **fields: Any) -> tuple[Inputs, Reference]:
    found = inputs(checkpoint=str(folder), max_length=24, **fields)
    return found, load(found, TASK)


def answers(reference: Reference, folder: Path, run: Any, rows: list[tuple[str, ...]]) -> Any:
    """Scores of texts in one batch, as serving gives them."""
    write_tokenizer(reference.tokenizer, 24, folder / TOKENIZER, reference.pad_id)
    serving = Serving(reference.answering, folder / TOKENIZER)
    queries = serving.queries([Item(*[text.encode() for text in row]) for row in rows])
    require_same_tokens(reference.tokenizer, folder / TOKENIZER, queries)
    items = [Item(*[text.encode() for text in row]) for row in rows]
    return serving.answer(Padded(run, serving.encode(()).pad_id), items)


def expected(folder: Path) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], Any]:
    found = json.loads((folder / "expected.json").read_text())
    logits = torch.tensor(found["logits"])
    return [(text,) for text in found["texts"]], [tuple(pair) for pair in found["pairs"]], logits.softmax(-1).numpy()


@pytest.mark.parametrize("name", [*WITHOUT_ROPE, *WITH_ROPE])
def test_answers_are_those_of_transformers_5(inputs: Read, made: Path, tmp_path: Path, name: str) -> None:
    texts, pairs, right = expected(made / name)
    _, single = loaded(inputs, made / name)
    _, paired = loaded(inputs, made / name, postprocessing={"text_pair": True})
    run = torch_run(single.model, TASK.outputs, token_types=single.token_types)
    found = [*answers(single, tmp_path, run, texts), *answers(paired, tmp_path, run, pairs)]
    np.testing.assert_allclose(found, right, atol=1e-5)


@pytest.mark.parametrize("name", ["albert", "modernbert", "qwen2-pad-in-config"])
def test_graphs_answer_as_transformers_5_does(inputs: Read, made: Path, tmp_path: Path, name: str) -> None:
    _, pairs, right = expected(made / name)
    _, reference = loaded(inputs, made / name, postprocessing={"text_pair": True})
    graph = Graph(export_onnx(reference.model, TASK, tmp_path / "graph", token_types=reference.token_types), TASK.outputs)
    np.testing.assert_allclose(answers(reference, tmp_path, graph, pairs), right[-len(pairs) :], atol=1e-4)


def test_what_4_57_cannot_express_or_nobody_compared_is_refused(inputs: Read, made: Path) -> None:
    with pytest.raises(RecipeError, match=r"layer_types sliding_attention, full_attention, .* this checkpoint cannot be exported"):
        inputs(checkpoint=str(made / "modernbert-other-layers"))
    with pytest.raises(RecipeError, match=r"saved by transformers 5\.24\.0, .*; ministral is none .* would pass over rope_parameters"):
        inputs(checkpoint=str(made / "ministral"))


def test_a_later_version_is_saved_anew_by_the_command_that_is_named(inputs: Read, made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made / "bert", tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "transformers_version": "6.0.0"}))
    with pytest.raises(RecipeError, match=r"reads the formats of transformers 4 and 5; save the model with version 5") as caught:
        inputs(checkpoint=str(folder))
    run_named(str(caught.value), "name the folder beside: ", tmp_path, {"PYTHONPATH": str(HOME)})
    texts, _, right = expected(made / "bert")
    _, reference = loaded(inputs, tmp_path / "bert-saved")
    run = torch_run(reference.model, TASK.outputs, token_types=reference.token_types)
    np.testing.assert_allclose(answers(reference, tmp_path, run, texts), right[: len(texts)], atol=1e-5)


def test_an_architecture_that_nobody_compared_is_saved_anew_by_the_command_that_is_named(
    inputs: Read, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version5, "MODEL_TYPES", ("albert",))
    folder = shutil.copytree(made / "bert", tmp_path / "bert")
    with pytest.raises(RecipeError, match=r"bert is none of them, so nobody knows whether") as caught:
        inputs(checkpoint=str(folder))
    run_named(str(caught.value), "name the new folder: ", tmp_path)
    assert json.loads((tmp_path / "bert-saved/config.json").read_text())["transformers_version"].startswith("4.57")
    inputs(checkpoint=str(tmp_path / "bert-saved"))


def test_a_tokenizer_without_its_file_is_written_by_the_command_that_is_named(inputs: Read, made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made / "bert", tmp_path / "bert")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(RecipeError, match=r"tokenizer\.json, which it needs, is not beside it; write it with transformers 5") as caught:
        inputs(checkpoint=str(folder))
    run_named(str(caught.value), "in an environment of its own: ", tmp_path, {"PYTHONPATH": str(HOME)})
    inputs(checkpoint=str(folder))


def test_a_checkpoint_of_transformers_4_is_read_where_it_lies(classifier: Path) -> None:
    assert readable(classifier) == (classifier, None)


def test_a_translation_lasts_as_long_as_the_inputs(inputs: Read, made: Path) -> None:
    found = inputs(checkpoint=str(made / "qwen2"))
    assert found.checkpoint.origin == made / "qwen2"
    folder = found.checkpoint.folder
    assert json.loads((folder / "config.json").read_text())["rope_theta"] == 500.0
    del found
    assert not folder.exists()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model_type": "bert", "transformers_version": "6.0.0"}, "transformers_version 6.0.0, and export reads the formats of"),
        (
            {"model_type": "unheard", "transformers_version": "5.1"},
            "unheard is none of them, so nobody knows .* 4.57, .*python -c",
        ),
    ],
)
def test_a_version_or_an_architecture_that_nobody_compared_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        require_known(fields, Path("model"))


@pytest.mark.parametrize(
    ("model_type", "parameters", "reason"),
    [
        ("bert", {"rope_theta": 1.0}, "rope_parameters, which is transformers 5's"),
        ("qwen2", {"rope_type": "longrope", "rope_theta": 1.0}, "rope_parameters.rope_type longrope, and export reads default"),
        ("qwen2", {"rope_theta": 1.0, "factor": 4.0}, "rope_parameters.factor beside rope_type default"),
        ("qwen2", {"rope_theta": 1.0, "partial_rotary_factor": 0.5}, "no such field for qwen2"),
        ("qwen2", {"rope_type": "default"}, "is no set of rotary settings"),
        ("nemotron", {"rope_type": "linear", "factor": 2.0, "rope_theta": 1.0}, "rope_parameters.factor, and transformers 4.57"),
        ("modernbert", {"rope_theta": 1.0}, "must have full_attention and sliding_attention"),
    ],
)
def test_rotary_settings_that_4_57_cannot_express_are_refused(model_type: str, parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        rope.translated({"model_type": model_type, "rope_parameters": parameters})
