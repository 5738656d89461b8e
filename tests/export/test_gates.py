"""What the gate refuses before it compares: references that are no measure, and what nobody reads.

Right answers are those of transformers' own model on each text alone.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from export.errors import ExportError, RecipeError
from export.inputs import Inputs
from export.progress import Progress
from export.report import HTML
from model_repository.manifest import Manifest

Read = Callable[..., Inputs]


@pytest.fixture
def package(export_to: Callable[..., Manifest], inputs: Read, tmp_path: Path) -> Callable[..., Manifest]:
    """Export a recipe in fp32 with some fields other than usual."""

    def make(**fields: Any) -> Manifest:
        return export_to(tmp_path, inputs(**{"precision": "fp32", **fields}), Progress())

    return make


@pytest.fixture
def unnamed(classifier: Path, tmp_path: Path) -> Path:
    """The classifier without names for its labels: the recipe must know their order."""
    folder = shutil.copytree(classifier, tmp_path / "unnamed")
    config = json.loads((folder / "config.json").read_text())
    del config["id2label"], config["label2id"]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def rows_of(evaluation: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in evaluation.read_text().splitlines()]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_labels_in_another_order_than_the_heads_are_refused_though_nothing_names_them(package: Any, unnamed: Path) -> None:
    assert package(checkpoint=str(unnamed), labels=["cold", "mild", "warm"]).quality.reference == 1.0
    with pytest.raises(ExportError, match=r"labels seem to be in another order than the evaluation set's: .*warm is cold and cold is warm"):
        package(checkpoint=str(unnamed), labels=["warm", "mild", "cold"])


def test_a_reference_near_chance_is_refused_before_the_long_work_unless_the_recipe_says_so(
    package: Any, evaluation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_of(evaluation)
    shifted = [{"text": row["text"], "label": other["label"]} for row, other in zip(rows, rows[7:] + rows[:7], strict=True)]
    data = write(tmp_path / "shifted.jsonl", shifted)
    with pytest.raises(ExportError, match=r"no better than chance on the 120 examples .*allow_weak_reference: true"):
        package(evaluation__data=data)
    assert "onnx" not in capsys.readouterr().out
    quality = package(evaluation__data=data, evaluation__allow_weak_reference=True).quality
    assert quality.weak_reference.startswith("the fp32 reference is no better than chance")
    assert quality.reference - quality.chance < 0.1
    page = (tmp_path / "repository/weather/1" / HTML).read_text()
    assert '<div class="caution">A weak reference, which the recipe allows' in page
    assert "WEAK REFERENCE, which the recipe allows" in capsys.readouterr().out


def test_class_numbers_are_understood_and_it_is_said(
    package: Any, evaluation: Path, labels: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "numbers.jsonl", [{**row, "label": labels.index(row["label"])} for row in rows_of(evaluation)])
    quality = package(evaluation__data=data).quality
    assert quality.reference == 1.0
    said = "labels are class numbers: 0 is cold, 1 is mild, 2 is warm"
    assert quality.notes == (said,)
    assert f"evaluation set: {said}" in capsys.readouterr().out
    assert said.capitalize() in (tmp_path / "repository/weather/1" / HTML).read_text()


def test_a_column_of_second_texts_that_the_model_is_not_asked_with_is_refused(package: Any, evaluation: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "pairs.jsonl", [{**row, "other": "alna"} for row in rows_of(evaluation)])
    with pytest.raises(RecipeError, match=r"evaluation\.text_pair: .* names the column 'other', and text-classification does not read it"):
        package(evaluation__data=data, evaluation__text_pair="other")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"task": "text-classification"},
            r"evaluation\.label: .* has no field 'label', and accuracy needs the right answers; .* text, other",
        ),
        (
            {"task": "feature-extraction"},
            r"evaluation\.label: .* has no field 'label', and spearman needs .*, or choose evaluation\.metric: mrr, which needs none",
        ),
    ],
)
def test_right_answers_that_are_missing_are_named_before_anything_is_loaded(
    inputs: Read, tmp_path: Path, fields: dict[str, str], reason: str
) -> None:
    data = write(tmp_path / "set.jsonl", [{"text": "alna", "other": "bera"}])
    with pytest.raises(RecipeError, match=reason):
        inputs(evaluation__data=data, evaluation__metric=None, **fields)


def test_the_choice_of_a_precision_is_judged_on_other_examples_than_those_that_chose(export_once: Callable[..., Any]) -> None:
    exported = export_once(precision="auto")
    quality = exported.manifest.quality
    assert (quality.examples, quality.chosen_on) == (60, 60)
    assert "8 candidates are made, judged on 60 examples and timed; the other 60 examples judge the one that is chosen" in exported.printed
    assert "The version was chosen on 60 other examples of the set; these did not choose" in (exported.folder / HTML).read_text()


def test_without_an_evaluation_set_a_version_is_compared_on_texts_and_says_that_nobody_judged_it(
    export_once: Callable[..., Any],
) -> None:
    exported = export_once(precision="int8", evaluation="none")
    manifest = exported.manifest
    assert manifest.quality is None
    assert manifest.unjudged.said == "quality was not judged"
    assert manifest.unjudged.texts >= 30 >= manifest.unjudged.texts - manifest.unjudged.same_answers
    assert re.search(
        r"gate +NOT JUDGED: quality was not judged, for the recipe says evaluation: none; \d+ of \d+ answers", exported.printed
    )
    page = (exported.folder / HTML).read_text()
    assert '<p class="verdict">Quality was not judged: the recipe names no evaluation set.' in page
    assert "asks for --unjudged" in page


def test_texts_of_the_recipe_are_compared_besides_the_repositorys_own(package: Any, texts: list[str], tmp_path: Path) -> None:
    data = write(tmp_path / "texts.jsonl", [{"body": text} for text in texts])
    alone = package(evaluation="none").unjudged
    found = package(version=2, evaluation="none", texts={"data": data, "text": "body"}).unjudged
    assert (found.texts, found.same_answers) == (alone.texts + len(texts),) * 2
    assert found.data == data
    with pytest.raises(RecipeError, match=r"^texts\.text_pair: .* names the column 'body', and text-classification does not read it"):
        package(version=3, evaluation="none", texts={"data": data, "text": "body", "text_pair": "body"})


def test_the_fastest_candidate_is_taken_where_nobody_judges(export_once: Callable[..., Any]) -> None:
    found = export_once(precision="auto", evaluation="none").manifest
    assert found.quality is None
    assert sum(one.chosen for one in found.candidates) == 1
    assert all(one.quality is None for one in found.candidates)
