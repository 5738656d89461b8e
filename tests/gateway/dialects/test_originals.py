"""Each field of the originals is taken, obeyed, or refused by its name; null counts as absent."""

import dataclasses
import inspect
from typing import Any

import huggingface_hub
import pytest
from openai.types.embedding_create_params import EmbeddingCreateParams
from originals import ORIGINALS

from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.tasks.feature_extraction import Settings

TASKS = {
    "topics": "text-classification",
    "ranker": "text-ranking",
    "names": "token-classification",
    "answers": "question-answering",
    "themes": "zero-shot-classification",
}
EMBEDDER = {"postprocessing": Settings(dimension=8, pooling="mean", normalize=True, matryoshka_dimensions=(4,))}
MADE_EACH_TIME = ("id",)
CASES = [(original, field) for original in ORIGINALS for field in original.fields]


@pytest.fixture(scope="module")
def client(start_app_for_module):
    manifests = [make_manifest(name, 1, task=task) for name, task in TASKS.items()]
    return start_app_for_module(FakeTriton(*manifests, make_manifest("minilm", 1, task="feature-extraction", **EMBEDDER)))


def answered(client, original, **more):
    answer = client.post(original.path, json={**original.body, **more})
    body = answer.json()
    return answer.status_code, {name: value for name, value in body.items() if name not in MADE_EACH_TIME} if isinstance(
        body, dict
    ) else body


@pytest.mark.parametrize(("original", "field"), CASES, ids=lambda one: getattr(one, "name", None) or one.path)
def test_a_field_of_an_original_is_taken_obeyed_or_refused_by_name(client, original, field):
    status, plain = answered(client, original)
    assert status == 200, plain
    status, answer = answered(client, original, **{field.name: field.value})
    match field.fate:
        case "taken":
            changes = {"model"} if field.name == "model" else set()
            assert status == 200, answer
            assert _without(answer, changes) == _without(plain, changes)
        case "obeyed":
            assert (status, answer != plain) == (200, True), answer
        case "refused":
            assert status in (400, 422)
            message = answer["error"]["message"] if isinstance(answer["error"], dict) else answer["error"]
            assert message.startswith(field.name), message


@pytest.mark.parametrize("original", ORIGINALS, ids=lambda original: original.source)
def test_null_counts_as_absent_whatever_the_field(client, original):
    nulls = {field.name: None for field in original.fields if field.name not in original.body}
    assert answered(client, original, **nulls, unheard_of=None) == answered(client, original)
    status, answer = answered(client, original, unheard_of=1)
    assert (status in (400, 422), "unheard_of: there is no such field" in str(answer)) == (True, True)


def _without(answer: Any, names: set[str]) -> Any:
    return {name: value for name, value in answer.items() if name not in names} if isinstance(answer, dict) else answer


def fields_of(part: str) -> set[str]:
    """The fields that the list has for the originals whose source names this part."""
    found: set[str] = set()
    for original in ORIGINALS:
        if part in original.source:
            found |= original.body.keys() | {field.name for field in original.fields}
            for field in original.fields:
                found |= field.value.keys() if isinstance(field.value, dict) else set()
    return found


def test_the_list_has_every_field_of_the_openai_sdk_that_is_installed():
    assert set(EmbeddingCreateParams.__annotations__) <= fields_of("openai")


@pytest.mark.parametrize(
    ("task", "part"),
    [
        ("TextClassification", "text_classification"),
        ("TokenClassification", "token_classification"),
        ("QuestionAnswering", "question_answering"),
        ("ZeroShotClassification", "zero_shot_classification"),
    ],
)
def test_the_list_has_every_parameter_of_the_hub_client_that_is_installed(task, part):
    parameters = getattr(huggingface_hub, f"{task}Parameters")
    assert {field.name for field in dataclasses.fields(parameters)} <= fields_of(part) | {"aggregation_strategy"}


def test_the_list_has_every_argument_of_the_hub_clients_feature_extraction():
    arguments = inspect.signature(huggingface_hub.InferenceClient.feature_extraction).parameters.keys()
    assert arguments - {"self", "text", "model"} <= fields_of("feature_extraction")
