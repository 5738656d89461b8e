"""What tasks read from an evaluation set as right, and how answers are counted against it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from export.data.dataset import Dataset
from export.data.table import read_table
from export.errors import RecipeError
from export.tasks.question_answering import exact, right_answers, word_f1
from export.tasks.text_ranking import TASK, ndcg, reciprocal_rank
from export.tasks.token_classification import right_entities
from model_repository.manifest import Answering
from model_repository.postprocessing import TextRanking

Read = Callable[..., Dataset]
NAMES = ("O", "B-PORT", "I-PORT", "B-GOOD")
RANKING = Answering(task="text-ranking", max_length=8, postprocessing=TextRanking())


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Rows, or the text of a CSV file, as an evaluation set."""

    def read(*rows: dict[str, Any], csv: str = "", **roles: str) -> Dataset:
        path = tmp_path / ("set.csv" if csv else "set.jsonl")
        path.write_text(csv or "".join(json.dumps(row) + "\n" for row in rows))
        table = read_table(path)
        return Dataset(path.name, table, roles, {}, table.digest)

    return read


def test_tags_may_be_the_models_class_numbers(read: Read) -> None:
    examples = read({"tokens": ["a", "b", "c"], "tags": [1, 2, 3]}, {"tokens": ["a", "b"], "tags": [0, 3]})
    assert right_entities(examples, NAMES) == [{("PORT", 0, 3), ("GOOD", 4, 5)}, {("GOOD", 2, 3)}]
    assert examples.reading.notes == ["tags are class numbers: 0 is O, 1 is B-PORT, 2 is I-PORT, 3 is B-GOOD"]


def test_tags_become_the_entities_of_the_words_with_spaces_between_them(read: Read) -> None:
    words = ["New", "York", "sells", "oil", "oil", "Rome"]
    tags = ["B-PORT", "I-PORT", "O", "B-GOOD", "B-GOOD", "I-PORT"]
    text = " ".join(words)
    [found] = right_entities(read({"tokens": words, "tags": tags}), NAMES)
    assert sorted((label, text[start:end], start) for label, start, end in found) == [
        ("GOOD", "oil", 15),
        ("GOOD", "oil", 19),
        ("PORT", "New York", 0),
        ("PORT", "Rome", 23),
    ]
    assert right_entities(read(csv=f"tokens,tags\n{quoted(words)},{quoted(tags)}\n"), NAMES) == [found]
    spans = [{"label": label, "start": start, "end": end} for label, start, end in found]
    assert right_entities(read({"spans": spans}, entities="spans"), NAMES) == [found]


def quoted(value: list[str]) -> str:
    return '"' + json.dumps(value).replace('"', '""') + '"'


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, r"evaluation\.columns\.tags: line 2 of .* has 2 tokens and 1 tags"),
        (
            {"tokens": ["a", "b"], "tags": [0, 4]},
            r"tags: line 2 of .* has the tag 4, and the model's are 0 O, 1 B-PORT, 2 I-PORT",
        ),
        ({"entities": [{"label": "CITY", "start": 0, "end": 1}]}, r"line 2 of .* has an entity 'CITY', and the model's are GOOD, PORT"),
        ({"entities": [{"label": "PORT"}]}, r"evaluation\.columns\.entities: line 2 of .* that holds a list of \{label, start, end\}"),
    ],
)
def test_entities_that_no_answer_can_be_compared_with_are_named(read: Read, row: dict[str, Any], reason: str) -> None:
    fine = {"tokens": [], "tags": []} if "tokens" in row else {"entities": []}
    with pytest.raises(RecipeError, match=reason):
        right_entities(read(fine, row), NAMES)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"documents": ["a", "b"], "relevance": [1]}, r"columns\.relevance: line 2 of .* has 2 documents and 1 relevances"),
        ({"documents": ["a"], "relevance": ["high"]}, r"columns\.relevance: line 2 of .* that holds a list of numbers"),
        ({"documents": [], "relevance": []}, r"columns\.documents: line 2 of .* that holds a list of texts, one at least"),
        ({"documents": [{"text": "a"}], "relevance": [1]}, r"columns\.documents: line 2 of .* that holds a list of texts"),
    ],
)
def test_documents_without_a_text_or_a_relevance_each_are_named(read: Read, row: dict[str, Any], reason: str) -> None:
    data = read({"query": "q", "documents": ["a"], "relevance": [1]}, {"query": "q", **row})
    with pytest.raises(RecipeError, match=reason):
        TASK.assessment(data, RANKING)


def test_a_query_is_asked_with_each_of_its_documents(read: Read) -> None:
    data = read({"query": "p", "documents": ["a", "b"], "relevance": [0, 2]}, {"query": "q", "documents": ["c"], "relevance": [0.5]})
    asked = [(item.text, item.text_pair) for item in TASK.items(data, RANKING)]
    assert asked == [(b"p", b"a"), (b"p", b"b"), (b"q", b"c")]
    assessment = TASK.assessment(data, RANKING)
    truth = assessment.truth(data, ())
    scores = np.array([[0.9], [0.1], [0.3]])
    assert assessment.metrics["mrr@10"](scores, truth) == pytest.approx((1 / 2 + 1) / 2)
    assert assessment.same_answer(scores, -scores).tolist() == [False, True]


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 3)), min_size=2, max_size=20, unique_by=lambda pair: pair[0]))
def test_ndcg_is_scikit_learns(pairs: list[tuple[float, int]]) -> None:
    scores, gains = np.array([pair[0] for pair in pairs]), np.array([float(pair[1]) for pair in pairs])
    expected = ndcg_score([gains], [scores], k=10) if gains.any() else 1.0
    assert ndcg(scores, gains) == pytest.approx(expected)


def test_the_reciprocal_rank_ends_at_ten() -> None:
    scores = -np.arange(12.0)
    assert [reciprocal_rank(scores, np.eye(12)[at]) for at in (0, 3, 9, 10)] == pytest.approx([1, 1 / 4, 1 / 10, 0])


def test_answers_are_compared_by_their_words_as_squad_does() -> None:
    assert exact("The  Port, of Rome!", "port of rome") == 1
    assert word_f1("the port of Rome", "Rome") == pytest.approx(2 * 1 / (3 + 1))
    assert (word_f1("", ""), word_f1("the", ""), word_f1("oil", "")) == (1, 1, 0)


def test_right_answers_are_texts_or_squads_and_from_csv_json(read: Read) -> None:
    squad = {"text": ["oil"], "answer_start": [3]}
    assert right_answers(read({"answers": squad}, {"answers": ["oil", "crude"]}, {"answers": []}), ()) == [["oil"], ["oil", "crude"], []]
    assert right_answers(read(csv='answers\n"[""oil""]"\n'), ()) == [["oil"]]
    with pytest.raises(RecipeError, match=r"columns\.answers: line 1 of .* that holds a list of texts"):
        right_answers(read({"answers": "oil"}), ())
