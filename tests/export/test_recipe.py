from collections.abc import Callable
from pathlib import Path

import pytest

from export.errors import RecipeError
from export.recipe import Recipe

Write = Callable[..., Path]


def fault(path: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        Recipe.read(path)
    assert str(path) in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def test_paths_are_relative_to_the_recipe(write_recipe: Write, tmp_path: Path) -> None:
    recipe = Recipe.read(write_recipe(adapter="adapters/v2", evaluation__data="../test.jsonl"))
    assert recipe.path(recipe.adapter or "") == tmp_path / "adapters/v2"
    assert recipe.path(recipe.evaluation.data) == tmp_path.parent / "test.jsonl"


def test_every_missing_field_is_named(write_recipe: Write) -> None:
    message = fault(write_recipe(task=None, evaluation__max_drop=None))
    assert "the field task is missing" in message
    assert "the field evaluation.max_drop is missing" in message


@pytest.mark.parametrize(
    ("field", "meant"), [("max_lenght", "is max_length meant?"), ("evaluation__metrics", "is metric meant?"), ("zzz", "known are model")]
)
def test_an_unknown_field_is_answered_with_the_one_that_was_meant(write_recipe: Write, field: str, meant: str) -> None:
    message = fault(write_recipe(**{field: 7}))
    assert f"the field {field.replace('__', '.')} is unknown" in message
    assert meant in message


@pytest.mark.parametrize("name", ["", "a/b", "../up", "-x", ".hidden", "a b", "a:predict", "ä", "x" * 65])
def test_a_model_name_that_is_not_safe_in_paths_and_urls_is_refused(write_recipe: Write, name: str) -> None:
    assert "it stands in paths and URLs" in fault(write_recipe(model=name))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("version", 0, "version: input should be greater than or equal to 1 (it is 0)"),
        ("version", "two", "version: input should be a valid integer"),
        ("max_length", 1, "max_length: input should be greater than or equal to 2"),
        ("precision", "int4", "precision: 'int4' is not possible; choose one of 'int8', 'fp16', 'fp32' or 'auto'"),
        ("target", "tpu", "target: 'tpu' is not possible"),
        ("task", "summarization", "task: 'summarization' is not possible"),
        ("labels", ["a", "a"], "labels: at least two names are needed, each of them once"),
        ("evaluation__max_drop", -0.1, "evaluation.max_drop: input should be greater than or equal to 0"),
        ("evaluation__min_agreement", 1.1, "evaluation.min_agreement: input should be less than or equal to 1"),
        ("evaluation__max_slice_drop", 0.1, "evaluation: max_slice_drop is for slices, and the recipe names none; add slices: [column]"),
        ("evaluation__columns", {"label": "topic"}, "evaluation: columns.label: write it as evaluation.label"),
        ("evaluation", 3, "evaluation: input should be"),
    ],
)
def test_a_value_that_is_not_possible_is_named_with_what_is(write_recipe: Write, field: str, value: object, reason: str) -> None:
    assert reason in fault(write_recipe(**{field: value}))


def test_int8_on_a_gpu_is_refused_with_what_to_use_instead(write_recipe: Write) -> None:
    message = fault(write_recipe(target="gpu", precision="int8"))
    assert "would be slower than what it replaces" in message
    assert message.endswith("use precision: fp16")


def test_fp16_on_a_cpu_is_refused_with_what_to_use_instead(write_recipe: Write) -> None:
    assert fault(write_recipe(precision="fp16")).endswith("use precision: int8, or fp32")


def test_the_precision_that_suits_the_target_is_the_default(write_recipe: Write) -> None:
    assert Recipe.read(write_recipe(precision=None)).packaged_precision == "int8-dynamic"
    assert Recipe.read(write_recipe(precision=None, target="gpu")).packaged_precision == "fp16"


@pytest.mark.parametrize("text", ["model: [", "- a list", "just words", "\x00"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    assert "not YAML" in (message := fault(path)) or "a recipe is a mapping" in message


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in fault(tmp_path / "none.yaml")
