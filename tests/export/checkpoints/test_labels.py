"""The names of labels: what two fields of one file say of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from export.checkpoints.labels import resolve
from export.errors import RecipeError

NAMES = {"0": "neg", "1": "pos"}


def write(folder: Path, **fields: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(fields))
    return folder


@pytest.mark.parametrize(
    ("label2id", "said"),
    [
        ({"pos": 0, "neg": 1}, r"id2label says 0: 'neg', and label2id says 'pos': 0"),
        ({"neg": 0, "pos": 1, "neutral": 2}, r"id2label says 2 labels \(neg, pos\), and label2id says 'neutral': 2"),
        ({"neg": 0, "positive": 1}, r"id2label says 1: 'pos', and label2id says 'positive': 1"),
    ],
)
@pytest.mark.parametrize("of", ["checkpoint", "adapter"])
def test_label2id_that_contradicts_id2label_is_refused_and_both_are_named(
    tmp_path: Path, label2id: dict[str, int], said: str, of: str
) -> None:
    folder = write(tmp_path / "model", id2label=NAMES, label2id=label2id)
    base = folder if of == "checkpoint" else write(tmp_path / "base")
    adapter = folder if of == "adapter" else None
    for labels in (None, ("neg", "pos")):
        with pytest.raises(RecipeError, match=f"model/config.json contradicts itself: {said}; the checkpoint was"):
            resolve(base, adapter, labels)
    assert resolve(base, adapter, None, ignored=["label2id"]) == ("neg", "pos")


@pytest.mark.parametrize("label2id", [None, {}, {"LABEL_0": 0, "LABEL_1": 1}, {"pos": 1}, {"NEG": 0, "POS": 1}, {"neg": "0", "pos": "1"}])
def test_label2id_that_says_nothing_else_is_harmless(tmp_path: Path, label2id: object) -> None:
    assert resolve(write(tmp_path, id2label=NAMES, label2id=label2id), None, None) == ("neg", "pos")


@pytest.mark.parametrize("id2label", [None, {}, {"0": "LABEL_0", "1": "LABEL_1"}])
def test_label2id_names_the_labels_where_id2label_does_not(tmp_path: Path, id2label: object) -> None:
    folder = write(tmp_path, id2label=id2label, label2id={"pos": 1, "neg": 0})
    assert resolve(folder, None, None) == ("neg", "pos")
    with pytest.raises(RecipeError, match=r"the recipe says pos, neg, and \S+ says neg, pos in another order"):
        resolve(folder, None, ("pos", "neg"))


@pytest.mark.parametrize("label2id", [5, "neg", ["neg", "pos"], {"neg": None}, {"neg": [0]}, {"neg": "first"}, {"neg": float("inf")}])
def test_label2id_of_another_type_is_a_sentence(tmp_path: Path, label2id: object) -> None:
    with pytest.raises(RecipeError, match=r"has a label2id that holds other things than a number for each name"):
        resolve(write(tmp_path, id2label=NAMES, label2id=label2id), None, None)
