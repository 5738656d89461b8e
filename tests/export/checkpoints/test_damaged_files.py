"""Whatever stands in a checkpoint's files, export loads it or says what is wrong, in a sentence."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import damage

from export.checkpoints.load import load
from export.checkpoints.tokenization import require_same_tokens, write_tokenizer
from export.errors import ExportError
from export.graphs.serving import Serving
from export.inputs import Inputs
from export.tasks import TASKS

TASK = TASKS["text-classification"]
MUTATIONS = int(os.environ.get("MUTATIONS", "200"))
"""Of each kind of folder; more can be asked for by hand."""
LONGEST = 1200
"""Characters of the longest message."""


def try_to_load(read: Callable[[], Inputs], folder: Path) -> str | None:
    """Load as an export does; returns the message where it is refused."""
    try:
        inputs = read()
        reference = load(inputs, TASK)
        write_tokenizer(reference.tokenizer, inputs.recipe.max_length, folder / "tokenizer.json", reference.pad_id)
        serving = Serving(reference.answering, folder / "tokenizer.json")
        queries = serving.queries(TASK.items(inputs.evaluation, reference.answering)[:3])
        require_same_tokens(reference.tokenizer, serving.tokenizer, queries)
        serving.encode(queries)
    except ExportError as exc:
        return str(exc)
    return None


@pytest.mark.parametrize("part", ["checkpoint", "adapter"])
def test_damaged_files_are_loaded_or_refused_in_a_sentence(
    inputs: Callable[..., Inputs], classifier: Path, encoder: Path, adapted: tuple[Path, Any], tmp_path: Path, part: str
) -> None:
    whole = classifier if part == "checkpoint" else adapted[0]
    refused, failures = 0, []
    for seed in range(MUTATIONS):
        folder = shutil.copytree(whole, tmp_path / "damaged")
        what = damage(folder, random.Random(seed))
        fields = {"checkpoint": "damaged"} if part == "checkpoint" else {"checkpoint": str(encoder), "adapter": "damaged"}
        try:
            message = try_to_load(lambda fields=fields: inputs(**fields), tmp_path)
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
