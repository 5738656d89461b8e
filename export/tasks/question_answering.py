"""Extractive question answering, judged by the words of the best answer."""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from headrace_backend.items import Item

from export.data.dataset import Dataset
from export.evaluation.assessment import Assessment, same_by
from export.evaluation.metrics.metric import PerExample, mean_of
from export.tasks.libraries import Ask, Libraries, texts_of
from export.tasks.loaded import Loaded
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.postprocessing import QuestionAnswering

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _postprocessing(loaded: Loaded) -> QuestionAnswering:
    return QuestionAnswering(**loaded.wished)


def _items(dataset: Dataset, answering: Answering) -> list[Item]:
    pairs = zip(dataset.column("question").strings(), dataset.column("context").strings(), strict=True)
    return [Item(question.encode(), context.encode()) for question, context in pairs]


def right_answers(dataset: Dataset, names: Sequence[str]) -> list[list[str]]:
    """The `answers` that are right for each example; none where the question has no answer.

    The set has texts, or SQuAD's {"text": […]}.

    Raises:
        RecipeError: values that are neither.
    """
    return dataset.column("answers").parsed().read(_texts, "a list of texts")


def _texts(value: object) -> list[str] | None:
    texts = value.get("text") if isinstance(value, dict) else value
    return [str(text) for text in texts] if isinstance(texts, list) else None


def normalized(answer: str) -> list[str]:
    """The words that count, in lower case, without punctuation and articles.

    SQuAD's evaluation does the same (Rajpurkar et al. 2016).
    """
    return _ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split()


def exact(answer: str, right: str) -> float:
    """1 where the words are the same."""
    return float(normalized(answer) == normalized(right))


def word_f1(answer: str, right: str) -> float:
    """F1 of the words that both have."""
    found, there = normalized(answer), normalized(right)
    if not found or not there:
        return float(found == there)
    both = sum((Counter(found) & Counter(there)).values())
    return 2 * both / (len(found) + len(there))


def _best(outputs: Sequence[Any]) -> list[str]:
    return [spans[0]["answer"] if spans else "" for spans in outputs]


def _over_answers(compare: Callable[[str, str], float]) -> PerExample:
    """The best agreement with one of the right answers; without any, no answer is right."""
    return lambda outputs, truth: np.array(
        [max(compare(answer, right) for right in rights or [""]) for answer, rights in zip(_best(outputs), truth, strict=True)]
    )


METRICS = (mean_of("f1", _over_answers(word_f1)), mean_of("exact-match", _over_answers(exact)))
ANSWERS = Assessment(right_answers, {metric.name: metric for metric in METRICS}, same_by(_best))


def _reference(libraries: Libraries) -> Ask:
    answering, settings = libraries.answering, libraries.answering.postprocessing
    ask = libraries.pipeline(TASK.name)
    options = {"max_seq_len": answering.max_length, "top_k": 1, **({"doc_stride": answering.windows.stride} if answering.windows else {})}
    if isinstance(settings, QuestionAnswering):
        options |= {"max_answer_len": settings.max_answer_length, "handle_impossible_answer": settings.handle_impossible_answer}

    def answer(item: Item) -> Any:
        question, context = texts_of(item)
        found = ask(question=question, context=context, **options)
        spans = found if isinstance(found, list) else [found]
        return [{"answer": s["answer"], "start": s["start"], "end": s["end"], "score": float(s["score"])} for s in spans]

    return answer


TASK = Task(
    name="question-answering",
    optimum_task="question-answering",
    auto_model="AutoModelForQuestionAnswering",
    outputs={"start_logits": 2, "end_logits": 2},
    postprocessing=_postprocessing,
    items=_items,
    assessment=lambda dataset, answering: ANSWERS,
    metrics=tuple(ANSWERS.metrics),
    reference=_reference,
    reads_windows=True,
    probabilities=lambda answering: False,
)
