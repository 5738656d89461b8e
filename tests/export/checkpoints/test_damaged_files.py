"""Whatever stands in a checkpoint's files, export loads it or says what is wrong, in a sentence."""

import io
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from damage import damage
from packaged_registry import LABELS
from rich.console import Console
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import LayerNorm, Normalize, Pooling

from export.checkpoints.libraries import CheckpointLibraries
from export.errors import ExportError
from export.graphs.ask_alone import ask_alone
from export.inputs import Inputs
from export.loading import load_subject
from export.progress import Progress
from export.tasks import TASKS

HIDDEN = 32
SILENT = Console(file=io.StringIO())
MUTATIONS = int(os.environ.get("MUTATIONS", "100"))
"""Of each kind of folder; more can be asked for by hand."""
LONGEST = 1200
"""Characters of the longest message."""


def try_to_load(read: Callable[[], Inputs], folder: Path) -> str | None:
    """Load as an export does, and let the reference answer a text; returns the message where it is
    refused."""
    try:
        inputs = read()
        task = TASKS[inputs.recipe.task].for_checkpoint(inputs.checkpoint.folder)
        reference, subject, _ = load_subject(inputs, task, folder / "repository", folder / "tokenizer.json", Progress(SILENT))
        one = replace(subject, items=subject.items[:1], own_items=())
        ask_alone(task, one, CheckpointLibraries(inputs, reference).copy, lambda done, total: None)
    except ExportError as exc:
        return str(exc)
    return None


@pytest.fixture(scope="module")
def sentence_transformer(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sentence-transformers with modules, pooling, weights of its own, and prompts."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("sentence_transformer")
    modules = [Transformer(str(encoder)), Pooling(HIDDEN, "mean"), Dense(HIDDEN, 8), LayerNorm(8), Normalize()]
    model = SentenceTransformer(modules=modules, prompts={"query": "alna ", "document": ""}, default_prompt_name="query", device="cpu")
    model.save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def of_version_5(classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in the format of transformers 5, with rotary positions."""
    folder = tmp_path_factory.mktemp("version5") / "model"
    shutil.copytree(classifier, folder, ignore=shutil.ignore_patterns("*.safetensors", "config.json", "tokenizer_config.json"))
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48}
    names = dict(enumerate(LABELS))
    config = transformers.Qwen2Config(vocab_size=69, pad_token_id=0, max_position_embeddings=64, id2label=names, **small)
    transformers.Qwen2ForSequenceClassification(config).save_pretrained(folder)
    settings = json.loads((folder / "config.json").read_text())
    rope = {"rope_type": "yarn", "rope_theta": settings.pop("rope_theta"), "factor": 2.0, "original_max_position_embeddings": 32}
    settings |= {"transformers_version": "5.24.0", "rope_parameters": rope}
    (folder / "config.json").write_text(json.dumps({name: value for name, value in settings.items() if name != "rope_scaling"}))
    tokenizer = {"backend": "tokenizers", "tokenizer_class": "TokenizersBackend", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    tokenizer |= {"extra_special_tokens": ["[CLS]"], "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder


@pytest.mark.parametrize("part", ["checkpoint", "adapter", "sentence_transformer", "of_version_5"])
def test_damaged_files_are_loaded_or_refused_in_a_sentence(
    inputs: Callable[..., Inputs],
    encoder: Path,
    classifier: Path,
    adapted: tuple[Path, Any],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    part: str,
) -> None:
    whole = {"checkpoint": classifier, "adapter": adapted[0]}.get(part) or request.getfixturevalue(part)
    usual = {"evaluation": "none", "precision": "fp32", "checkpoint": "damaged"}
    changes = {
        "adapter": {"checkpoint": str(encoder), "adapter": "damaged"},
        "sentence_transformer": {"task": "feature-extraction"},
    }
    fields = {**usual, **changes.get(part, {})}
    assert (
        try_to_load(lambda: inputs(**{name: str(whole) if value == "damaged" else value for name, value in fields.items()}), tmp_path)
        is None
    )
    refused, failures = 0, []
    for seed in range(MUTATIONS):
        folder = shutil.copytree(whole, tmp_path / "damaged")
        what = damage(folder, random.Random(seed))
        try:
            message = try_to_load(lambda: inputs(**fields), tmp_path)
        except Exception as exc:
            failures.append(f"seed {seed}, {what}: {type(exc).__name__}: {str(exc)[:200]}")
            message = None
        if message is not None:
            refused += 1
            if "\n" in message.strip() or not 20 < len(message) < LONGEST:
                failures.append(f"seed {seed}, {what}: no sentence: {message}")
        shutil.rmtree(folder)
    assert not failures, "\n".join(failures)
    assert refused > MUTATIONS / 4
