from collections.abc import Callable
from pathlib import Path

import pytest

from export.errors import RecipeError
from export.recipe.recipe import Recipe

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
        ("labels", ["a", "a"], "labels: names are needed, each of them once"),
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


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"optimization": "O4"}, "optimization O4 is O3 in half precision for GPUs, not for int8 on target cpu; use O3"),
        ({"optimization": "O4", "target": "gpu", "precision": "fp32"}, "not for fp32 on target gpu; use O3"),
        ({"optimization": "O2", "precision": "auto"}, "precision auto tries the optimization levels itself; remove the field optimization"),
        ({"optimization": "O2", "target": "gpu", "calibration": {"data": "train.jsonl"}}, "TensorRT lacks; use O1, or remove the field"),
        ({"calibration": {"data": "train.jsonl"}}, "calibration is for precision int8 on target gpu, not int8 on cpu; remove it"),
        ({"sensitivity": True, "precision": "fp32"}, "sensitivity is for precision int8, not fp32; remove it"),
        ({"instruction_set": "auto", "precision": "fp32"}, "instruction_set is for precision int8 on a CPU, not fp32 for cpu; remove it"),
        (
            {"target": "gpu", "calibration": {"data": "train.jsonl", "percentile": 99.9}},
            "calibration: percentile is for method percentile, not minmax; remove it",
        ),
        ({"target": "gpu", "calibration": {"data": "train.jsonl", "sample": 9}}, "calibration.sample is unknown; is samples meant?"),
    ],
)
def test_fields_that_do_not_go_together_are_named(write_recipe: Write, changes: dict[str, object], reason: str) -> None:
    assert reason in fault(write_recipe(**changes))


def test_calibrated_int8_on_a_gpu_is_static(write_recipe: Write) -> None:
    recipe = Recipe.read(write_recipe(target="gpu", calibration={"data": "train.jsonl"}))
    assert recipe.packaged_precision == "int8-static"
    assert recipe.calibration
    assert (recipe.calibration.samples, recipe.calibration.method) == (256, "minmax")


def test_precision_auto_is_none_before_it_is_chosen(write_recipe: Write) -> None:
    recipe = Recipe.read(write_recipe(precision="auto"))
    with pytest.raises(ValueError, match="before a candidate is chosen"):
        _ = recipe.packaged_precision
    assert recipe.with_choice("fp32", "O2").packaged_precision == "fp32"


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


@pytest.mark.parametrize(
    ("line", "labels"), [("[no, yes]", ("no", "yes")), ("[0, 1]", ("0", "1")), ("[off, on, n, y]", ("off", "on", "n", "y"))]
)
def test_labels_may_be_words_and_numbers_that_yaml_would_read_otherwise(write_recipe: Write, line: str, labels: tuple[str, ...]) -> None:
    path = write_recipe()
    path.write_text(f"{path.read_text()}\nlabels: {line}\n")
    assert Recipe.read(path).labels == labels


@pytest.mark.parametrize("written", ["true", "1.0"])
def test_labels_whose_names_yaml_does_not_keep_are_to_be_quoted(write_recipe: Write, written: str) -> None:
    path = write_recipe()
    path.write_text(f"{path.read_text()}\nlabels: [{written}, other]\n")
    assert f"if it is the name of a label, quote it: '{written}'" in fault(path)


def test_a_field_that_is_there_twice_is_refused_with_its_line(write_recipe: Write) -> None:
    path = write_recipe()
    lines = path.read_text().count("\n")
    path.write_text(f"{path.read_text()}max_length: 9\n")
    assert fault(path) == f"not YAML: line {lines + 1}, column 1: the field max_length is there twice; remove one"


def test_what_is_wrong_with_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("model: topics\nlabels: [a, b\nversion: 1\n")
    assert fault(path).startswith("not YAML: line 3, column 8: while parsing a flow sequence, expected ',' or ']'")


def test_nobody_judges_only_where_the_recipe_says_so(write_recipe: Write) -> None:
    assert Recipe.read(write_recipe(evaluation="none")).evaluation is None
    assert Recipe.read_all(write_recipe(), evaluate=False)[0].evaluation is None
    how = "write evaluation: {data: held-out.csv, max_drop: 0.01}, or evaluation: none if nobody is to judge the version's quality"
    assert fault(write_recipe(evaluation=None)) == f"the field evaluation is missing; {how}"
    path = write_recipe(evaluation=None)
    path.write_text(f"{path.read_text()}evaluation:\n")
    assert fault(path) == f"evaluation: it is empty; {how}"
    assert "sensitivity: true needs an evaluation set" in fault(write_recipe(evaluation="none", sensitivity=True))
    assert "texts is for recipes with evaluation: none" in fault(write_recipe(texts={"data": "texts.txt"}))
