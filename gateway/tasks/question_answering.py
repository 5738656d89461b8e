"""Question answering: the spans of a context that answer a question."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from gateway.request.json_types import Positive, Strict
from gateway.request.prediction import Item
from gateway.tasks.difference import Difference, of_spans
from gateway.tasks.instance import TopK
from gateway.tasks.json_answers import answer_of, item_of, read
from gateway.tasks.task import Instance, Task
from model_repository.manifest import Manifest


class Question(Strict):
    """A question and the text that holds its answer."""

    question: str
    context: str


class Parameters(TopK):
    """Which spans answer."""

    max_answer_length: Positive | None = Field(None, description="question-answering: longest answer, tokens")
    handle_impossible_answer: bool | None = Field(None, description="question-answering: whether there may be no answer")


class QuestionAnswering:
    """A prediction is a list of {"answer", "start", "end", "score"}, best first."""

    instance: type[Strict] = Question
    parameters: type[Strict] = Parameters
    answers = 'a list of `{"answer", "start", "end", "score"}`'

    def items(self, instance: Instance, parameters: Mapping[str, Any]) -> list[Item]:
        """The question with its context."""
        return [item_of(instance, parameters)]

    def prediction(self, manifest: Manifest, rows: Sequence[bytes], parameters: Mapping[str, Any]) -> Any:
        """The spans."""
        return answer_of(rows)

    def difference(self, before: Manifest, row: bytes, after: Manifest, other: bytes) -> Difference:
        """By the best span."""
        return of_spans(read(row)[:1], read(other)[:1])


TASK: Task = QuestionAnswering()
