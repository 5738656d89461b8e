"""Heads are read as transformers' pipeline reads them, or refused by the field that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from headrace_backend.items import Item

from export.checkpoints.libraries import CheckpointLibraries
from export.checkpoints.load import load
from export.checkpoints.tokenization import write_tokenizer
from export.data.dataset import Dataset
from export.errors import RecipeError
from export.graphs.batches import Padded
from export.graphs.reference import torch_run
from export.graphs.serving import Serving
from export.inputs import Inputs
from export.tasks import TASKS
from export.tasks.token_classification import ENTITIES, F1, Right
from model_repository.manifest import TOKENIZER

Read = Callable[..., Inputs]
MAX_LENGTH = 24
TEXTS = ["alna", "bero cota duto fina", "gota huvo " * 20]


@pytest.fixture
def head(tiny: Callable[..., Any], classifier: Path, tmp_path: Path) -> Callable[..., Path]:
    """A checkpoint of a transformers class, with fields of its configuration."""

    def make(kind: str = "BertForSequenceClassification", **fields: Any) -> Path:
        folder = tmp_path / "head"
        tiny(getattr(transformers, kind), **fields).save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(classifier).save_pretrained(folder)
        return folder

    return make


def named(*labels: str) -> dict[str, Any]:
    return {"id2label": dict(enumerate(labels)), "label2id": {label: at for at, label in enumerate(labels)}}


def serve(inputs: Read, folder: Path, tmp_path: Path, task: str = "text-classification", **fields: Any) -> Any:
    """Answers of PyTorch through the backend, and those of the reference."""
    found = inputs(task=task, checkpoint=str(folder), max_length=MAX_LENGTH, precision="fp32", evaluation="none", **fields)
    reference = load(found, TASKS[task])
    write_tokenizer(reference.tokenizer, MAX_LENGTH, tmp_path / TOKENIZER, reference.pad_id)
    serving = Serving(reference.answering, tmp_path / TOKENIZER)
    runs = Padded(torch_run(reference.model, TASKS[task].outputs), reference.pad_id)
    ask = TASKS[task].reference(CheckpointLibraries(found, reference))

    def answer(**parameters: Any) -> tuple[Any, Any]:
        items = [Item(text.encode(), None, json.dumps(parameters).encode() if parameters else b"") for text in TEXTS]
        return serving.answer(runs, items), np.stack(list(map(ask, items)))

    return answer


PROBLEMS = (None, "regression", "single_label_classification", "multi_label_classification")


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("labels", [("only",), ("a", "b", "c")])
def test_a_head_answers_as_the_pipeline_whatever_its_problem_type(
    inputs: Read, head: Callable[..., Path], tmp_path: Path, labels: tuple[str, ...], problem: str | None
) -> None:
    folder = head(problem_type=problem, **named(*labels))
    answer = serve(inputs, folder, tmp_path)
    hf = transformers.pipeline("text-classification", str(folder), truncation=True, max_length=MAX_LENGTH)

    def expected(**options: Any) -> Any:
        found = [{entry["label"]: entry["score"] for entry in hf(text, top_k=None, **options)} for text in TEXTS]
        return [[one[label] for label in labels] for one in found]

    served, reference = answer()
    np.testing.assert_allclose(served, expected(), atol=1e-5)
    np.testing.assert_allclose(reference, expected(), atol=1e-6)
    for function in ("none", "sigmoid", "softmax"):
        np.testing.assert_allclose(answer(function_to_apply=function)[0], expected(function_to_apply=function), atol=1e-5)


def test_the_recipe_s_function_wins(inputs: Read, head: Callable[..., Path], tmp_path: Path) -> None:
    folder = head(**named("only"))
    served, reference = serve(inputs, folder, tmp_path, postprocessing={"function": "identity"})()
    np.testing.assert_allclose(served, reference, atol=1e-5)
    with pytest.raises(RecipeError, match=r"postprocessing\.function: softmax of a head's only output is always 1; write sigmoid"):
        serve(inputs, folder, tmp_path, postprocessing={"function": "softmax"})


def test_outputs_of_one_name_are_refused_until_the_recipe_tells_them_apart(inputs: Read, head: Callable[..., Path], tmp_path: Path) -> None:
    folder = head(num_labels=3)
    config = json.loads((folder / "config.json").read_text()) | {"id2label": {"0": "pos", "1": "neg", "2": "pos"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(RecipeError, match=r"labels: .* calls several outputs 'pos' \(pos, neg, pos\).*add labels: with 3 different names"):
        serve(inputs, folder, tmp_path)
    assert serve(inputs, folder, tmp_path, labels=["pos", "neg", "very pos"])()[0].shape == (3, 3)


def test_a_head_of_another_task_is_refused_unless_the_recipe_says_otherwise(
    inputs: Read, head: Callable[..., Path], tmp_path: Path
) -> None:
    folder, task = head(**named("O", "B-PORT")), "token-classification"
    with pytest.raises(RecipeError, match=r"architectures: BertForSequenceClassification, and token-classification .* write task: text-"):
        serve(inputs, folder, tmp_path, task)
    serve(inputs, folder, tmp_path, task, ignored_keys=["architectures"])


def test_several_scores_of_a_pair_are_another_task(inputs: Read, head: Callable[..., Path], tmp_path: Path) -> None:
    reason = r"needs one score for each pair, and the checkpoint's head gives 2; .* write task: text-classification"
    with pytest.raises(RecipeError, match=reason):
        serve(inputs, head(num_labels=2), tmp_path, "text-ranking")


def test_space_around_an_entity_is_no_fault() -> None:
    truth = [Right("met Anna Schmi in Bari", frozenset({("PER", 4, 14), ("LOC", 18, 22)}))]
    outputs = [[{"label": "PER", "start": 3, "end": 14}, {"label": "LOC", "start": 17, "end": 22}]]
    assert F1(outputs, truth) == 1.0
    assert F1([[{"label": "PER", "start": 3, "end": 13}]], truth) == 0.0
    assert ENTITIES.confusion
    assert ENTITIES.confusion(outputs, truth, ("O", "B-PER", "B-LOC")).counts.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("labels", "metrics"),
    [
        ([0, 1, 1], {"accuracy", "macro-f1", "micro-f1"}),
        ([0.5, 2.0, 1], {"rmse", "pearson"}),
        ([["only"], [], ["only"]], {"accuracy", "macro-f1", "micro-f1"}),
    ],
)
def test_a_single_output_is_judged_by_what_the_labels_are(
    inputs: Read, head: Callable[..., Path], tmp_path: Path, labels: list[Any], metrics: set[str]
) -> None:
    data = tmp_path / "set.jsonl"
    data.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in zip(TEXTS, labels, strict=True)))
    found = inputs(checkpoint=str(head(**named("only"))), precision="fp32", evaluation__data=str(data), evaluation__metric=None)
    task = TASKS["text-classification"]
    assert isinstance(found.evaluation, Dataset)
    assessment = task.assessment(found.evaluation, load(found, task).answering)
    assert set(assessment.metrics) == metrics
    assert len(assessment.truth(found.evaluation, ("only",))) == 3
