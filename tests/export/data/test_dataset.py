import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export.data import dataset
from export.data.dataset import Dataset
from export.errors import RecipeError
from export.inputs import Inputs
from export.recipe.recipe import Recipe
from export.tasks.classification_assessment import right_label_sets, right_labels, right_numbers

Write = Callable[..., Path]
Read = Callable[..., Dataset]


@pytest.fixture
def read(write_recipe: Write, tmp_path: Path) -> Read:
    """A recipe's evaluation set of rows or a file's content, with some fields other than usual."""

    def read(content: str | list[dict[str, object]], name: str = "set.jsonl", **changes: object) -> Dataset:
        lines = content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content)
        (tmp_path / name).write_text(lines)
        recipe = Recipe.read(write_recipe(evaluation__data=name, **changes))
        return dataset.read(recipe.evaluation, recipe.path(name))

    return read


def test_an_evaluation_set_that_is_not_there_is_named(inputs: Callable[..., Inputs]) -> None:
    with pytest.raises(RecipeError, match=r"^evaluation\.data: .*none\.jsonl cannot be read: No such file"):
        inputs(evaluation__data="none.jsonl")


def test_texts_may_hold_any_line_separator_of_unicode(read: Read) -> None:
    assert read('{"text": "a\u2028b\x85c", "label": "cold"}\n').column("text").strings() == ["a\u2028b\x85c"]


def test_columns_are_read_by_their_role_whatever_they_are_called(read: Read) -> None:
    rows: list[dict[str, object]] = [{"body": "a", "other": "b", "q": "c", "context": "d", "label": "cold"}]
    examples = read(rows, evaluation__text="body", evaluation__text_pair="other", evaluation__columns={"question": "q"})
    roles = ("text", "text_pair", "question", "context", "label")
    assert [examples.column(role).strings() for role in roles] == [["a"], ["b"], ["c"], ["d"], ["cold"]]


@pytest.mark.parametrize(
    ("row", "role", "reason"),
    [
        ({"body": "a"}, "text", r"^evaluation\.text: .*set\.jsonl has no field 'text'; its fields are label, body$"),
        ({"text": None}, "text", r"^evaluation\.text: line 2 of .*set\.jsonl has no field 'text' that holds a string$"),
        ({"text": "a"}, "question", r"^evaluation\.columns\.question: .* has no field 'question'"),
    ],
)
def test_a_column_or_a_value_that_is_not_there_is_named(read: Read, row: dict[str, object], role: str, reason: str) -> None:
    examples = read([{"label": "cold", **dict.fromkeys(row, "a")}, {"label": "cold", **row}])
    with pytest.raises(RecipeError, match=reason):
        examples.column(role).strings()


def test_a_further_column_that_the_recipe_names_in_vain_is_found_at_once(read: Read) -> None:
    with pytest.raises(RecipeError, match=r"evaluation\.columns\.question: .* has no field 'q'; its fields are text, label"):
        read([{"text": "a", "label": "cold"}], evaluation__columns={"question": "q"})


@pytest.mark.parametrize(("value", "expected"), [(1, 1.0), (1.5, 1.5), ("-2.5e1", -25.0)])
def test_numbers_are_read_from_numbers_and_from_csv(read: Read, value: object, expected: float) -> None:
    assert right_numbers(read([{"text": "a", "label": value}]), ["score"]).tolist() == [expected]


@pytest.mark.parametrize("value", ["", "warm", True, None, [1], "nan", "inf"])
def test_what_is_no_number_is_named(read: Read, value: object) -> None:
    with pytest.raises(RecipeError, match=r"evaluation\.label: line 1 of .* has no field 'label' that holds a number"):
        right_numbers(read([{"text": "a", "label": value}]), ["score"])


def test_label_sets_are_read_from_lists_and_from_csv(read: Read) -> None:
    expected = [[True, False, True], [False, False, False]]
    rows: list[dict[str, object]] = [{"text": "a", "label": ["c", "a"]}, {"text": "b", "label": []}]
    assert right_label_sets(read(rows), ["a", "b", "c"]).tolist() == expected
    assert right_label_sets(read('text,label\na,"[""a"", ""c""]"\nb,[]\n', "set.csv"), ["a", "b", "c"]).tolist() == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[2, 0], [1]], [[True, False, True], [False, True, False]]),
        ([["2", "0"], []], [[True, False, True], [False, False, False]]),
        ([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], [[True, False, True], [False, True, False]]),
        ([[1, 0, 1], [0, 0, 0]], [[True, False, True], [False, False, False]]),
    ],
)
def test_label_sets_may_be_class_numbers_or_flags(read: Read, labels: list[list[object]], expected: list[list[bool]]) -> None:
    examples = read([{"text": "a", "label": own} for own in labels])
    assert right_label_sets(examples, ["a", "b", "c"]).tolist() == expected
    assert len(examples.reading.notes) == 1


@pytest.mark.parametrize("value", ["a", "[a]", {"a": 1}, 3])
def test_what_is_no_list_of_labels_is_named(read: Read, value: object) -> None:
    with pytest.raises(RecipeError, match=r"evaluation\.label: line 1 of .* that holds a list"):
        right_label_sets(read([{"text": "a", "label": value}]), ["a"])


@pytest.mark.parametrize("labels", [["hot"], [3], [["a"]]])
def test_a_label_in_a_set_that_the_model_does_not_have_is_named(read: Read, labels: list[object]) -> None:
    with pytest.raises(RecipeError, match=r"example 1 of set\.jsonl has the label .*, and the model's are a, b"):
        right_label_sets(read([{"text": "a", "label": labels}]), ["a", "b"])


def test_a_label_that_the_model_does_not_have_is_named(read: Read) -> None:
    examples = read([{"text": "a", "label": "cold"}, {"text": "b", "label": "hot"}])
    np.testing.assert_array_equal(right_labels(examples, ["hot", "cold"]), [[False, True], [True, False]])
    with pytest.raises(RecipeError, match=r"example 2 of set\.jsonl has the label 'hot', and the model's are cold, mild"):
        right_labels(examples, ["cold", "mild"])


def test_a_label_that_is_neither_a_name_nor_a_number_is_named(read: Read) -> None:
    with pytest.raises(
        RecipeError, match=r"evaluation\.label: line 1 of .* has no field 'label' that holds a label: .* \(it holds \[1\]\)"
    ):
        right_labels(read([{"text": "a", "label": [1]}]), ["cold"])


@pytest.mark.parametrize("values", [[2, 0, 1], ["2", "0", "1"], [2.0, 0.0, 1.0]])
def test_labels_may_be_class_numbers_and_it_is_said_how_they_are_understood(read: Read, values: list[object]) -> None:
    examples = read([{"text": "a", "label": value} for value in values])
    assert right_labels(examples, ["cold", "mild", "warm"]).argmax(axis=1).tolist() == [2, 0, 1]
    assert examples.reading.notes == ["labels are class numbers: 0 is cold, 1 is mild, 2 is warm"]


def test_class_numbers_in_csv_and_in_a_json_array(read: Read) -> None:
    assert right_labels(read("text,label\na,1\nb,0\n", "set.csv"), ["cold", "mild"]).argmax(axis=1).tolist() == [1, 0]
    pretty = json.dumps([{"text": "a", "label": 1}, {"text": "b", "label": 0}], indent=2)
    assert right_labels(read(pretty, "set.json"), ["cold", "mild"]).argmax(axis=1).tolist() == [1, 0]


def test_numbers_that_are_names_of_labels_are_these_labels(read: Read) -> None:
    examples = read([{"text": "a", "label": value} for value in (3, 1, 2)])
    assert right_labels(examples, ["1", "2", "3"]).argmax(axis=1).tolist() == [2, 0, 1]
    assert right_labels(read([{"text": "a", "label": True}]), ["false", "true"]).argmax(axis=1).tolist() == [1]


def test_numbers_that_could_be_names_or_class_numbers_are_refused(read: Read) -> None:
    rows: list[dict[str, object]] = [{"text": "a", "label": 1}, {"text": "a", "label": 2}]
    with pytest.raises(RecipeError, match=r"the number 1 is the name of a label and the class number of another one, '2'; write names as"):
        right_labels(read(rows), ["1", "2", "3"])
    written: list[dict[str, object]] = [{**row, "label": str(row["label"])} for row in rows]
    assert right_labels(read(written), ["1", "2", "3"]).argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize("values", [[0, 3], [0, -1], [0, 1.5], ["0", "hot"]])
def test_a_number_that_is_no_class_is_named(read: Read, values: list[object]) -> None:
    with pytest.raises(RecipeError, match=r"example 2 of set\.jsonl has the label .*the model's are a, b, c"):
        right_labels(read([{"text": "a", "label": value} for value in values]), ["a", "b", "c"])


def test_a_column_that_the_recipe_names_and_nobody_reads_is_refused(read: Read) -> None:
    examples = read([{"text": "a", "other": "b", "label": "cold"}], evaluation__text_pair="other", evaluation__label="label")
    examples.column("text"), examples.column("label")
    with pytest.raises(RecipeError, match=r"^evaluation\.text_pair: .* 'other', and text-classification does not read it.*text_pair: true"):
        examples.require_all_read("text-classification")
    examples.column("text_pair")
    examples.require_all_read("text-classification")


def test_groups_of_a_slice_are_strings_numbers_or_truth_values(read: Read) -> None:
    rows: list[dict[str, object]] = [{"text": "a", "label": "cold", "n": 1, "region": "north", "new": True}]
    assert read(rows, evaluation__slices=["region", "n", "new"]).slices == {"region": ["north"], "n": ["1"], "new": ["true"]}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["a", None], "line 2 of .* has no field 'region' that holds a string, a number or a truth value"),
        ([["a"]], "line 1 of .* has no field 'region'"),
        (list(range(65)), "the field 'region' of .* has 65 different values, and at most 64 are compared"),
    ],
)
def test_a_slice_column_that_holds_no_groups_is_named(read: Read, values: list[object], reason: str) -> None:
    with pytest.raises(RecipeError, match=f"^evaluation.slices: .*{reason}"):
        read([{"text": "a", "label": "cold", "region": value} for value in values], evaluation__slices=["region"])


def test_a_slice_column_that_is_not_there_is_named(read: Read) -> None:
    with pytest.raises(RecipeError, match=r"evaluation\.slices: .* has no field 'region'; its fields are text, label"):
        read([{"text": "a", "label": "cold"}], evaluation__slices=["region"])


def test_a_metric_that_the_task_does_not_have_is_answered_with_those_that_it_has(inputs: Callable[..., Inputs]) -> None:
    with pytest.raises(
        RecipeError,
        match=r"^evaluation\.metric: 'bleu' is not possible for text-classification; choose one of accuracy, .*, pearson$",
    ):
        inputs(evaluation__metric="bleu")


def test_the_digest_of_the_inputs_follows_settings_and_contents_and_not_places(
    write_recipe: Write, inputs: Callable[..., Inputs], evaluation: Path, tmp_path: Path
) -> None:
    usual = inputs()
    (tmp_path / "moved.jsonl").write_bytes(evaluation.read_bytes())
    assert inputs(evaluation__data="moved.jsonl").digest == usual.digest
    (tmp_path / "moved.jsonl").write_bytes(evaluation.read_bytes() + b'{"text": "a", "label": "cold"}\n')
    assert inputs(evaluation__data="moved.jsonl").digest != usual.digest
    changes: list[dict[str, object]] = [
        {"max_length": 16},
        {"precision": "fp32"},
        {"evaluation__metric": "macro-f1"},
        {"evaluation__min_agreement": 0.9},
        {"evaluation__slices": ["label"]},
        {"evaluation__slices": ["label"], "evaluation__max_slice_drop": 0.1},
    ]
    assert len({usual.digest, *(inputs(**change).digest for change in changes)}) == 1 + len(changes)


def test_the_digest_of_the_reference_follows_only_what_the_reference_depends_on(inputs: Callable[..., Inputs]) -> None:
    usual = inputs()
    same = inputs(precision="fp32", version=2, evaluation__max_drop=0.5, evaluation__metric="macro-f1", evaluation__slices=["label"])
    assert same.reference_digest == usual.reference_digest
    changes: list[dict[str, object]] = [
        {"max_length": 16},
        {"evaluation__text": "label"},
        {"evaluation__text_pair": "label"},
        {"evaluation__columns": {"question": "text"}},
    ]
    assert len({usual.reference_digest, *(inputs(**change).reference_digest for change in changes)}) == 1 + len(changes)
