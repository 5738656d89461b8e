from collections.abc import Callable
from pathlib import Path

import pytest

from export import dataset
from export.errors import RecipeError
from export.inputs import Inputs
from export.recipe import Recipe

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"text": "a", "label": "cold"}\n{"text": "b"\n', "evaluation.data: line 2 of .* is not JSON"),
        ('{"text": "a", "label": 1}\n', "evaluation.label: line 1 of .* has no field 'label' that holds a string"),
        ('{"body": "a", "label": "cold"}\n', "evaluation.text: line 1 of .* has no field 'text'"),
        ('["a", "cold"]\n', "evaluation.text: line 1"),
        ("\n\n", "holds no example"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_line_that_is_not_as_the_recipe_says_is_named(write_recipe: Write, tmp_path: Path, content: str | bytes, reason: str) -> None:
    (tmp_path / "bad.jsonl").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RecipeError, match=reason):
        dataset.read(Recipe.read(write_recipe(evaluation__data="bad.jsonl")))


def test_an_evaluation_set_that_is_not_there_is_named(write_recipe: Write) -> None:
    with pytest.raises(RecipeError, match=r"evaluation\.data: .*none\.jsonl cannot be read: No such file"):
        dataset.read(Recipe.read(write_recipe(evaluation__data="none.jsonl")))


def test_texts_may_hold_any_line_separator_of_unicode(write_recipe: Write, tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text('{"text": "a\u2028b\x85c", "label": "cold"}\n')
    assert dataset.read(Recipe.read(write_recipe(evaluation__data="odd.jsonl"))).texts == ["a\u2028b\x85c"]


def test_a_label_that_the_model_does_not_have_is_named(write_recipe: Write, tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text('{"text": "a", "label": "cold"}\n{"text": "b", "label": "hot"}\n')
    examples = dataset.read(Recipe.read(write_recipe(evaluation__data="other.jsonl")))
    assert examples.label_indices(["hot", "cold"]).tolist() == [1, 0]
    with pytest.raises(RecipeError, match=r"example 2 of other\.jsonl has the label 'hot', and the model's are cold, mild"):
        examples.label_indices(["cold", "mild"])


def test_the_digest_of_the_inputs_follows_settings_and_contents_and_not_places(
    write_recipe: Write, inputs: Callable[..., Inputs], evaluation: Path, tmp_path: Path
) -> None:
    usual = inputs()
    (tmp_path / "moved.jsonl").write_bytes(evaluation.read_bytes())
    assert inputs(evaluation__data="moved.jsonl").digest == usual.digest
    (tmp_path / "moved.jsonl").write_bytes(evaluation.read_bytes() + b'{"text": "a", "label": "cold"}\n')
    assert inputs(evaluation__data="moved.jsonl").digest != usual.digest
    assert inputs(max_length=16).digest != usual.digest
    assert inputs(precision="fp32").digest != usual.digest


def test_the_digest_of_the_reference_follows_only_what_the_reference_depends_on(inputs: Callable[..., Inputs]) -> None:
    usual = inputs()
    assert inputs(precision="fp32", version=2, evaluation__max_drop=0.5).reference_digest == usual.reference_digest
    assert inputs(max_length=16).reference_digest != usual.reference_digest
