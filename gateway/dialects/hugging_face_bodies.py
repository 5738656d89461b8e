"""The bodies of Hugging Face's pipelines, as `huggingface_hub.InferenceClient` sends them."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.dialects.ask import MAX_INPUTS
from gateway.dialects.tei_bodies import HubOptions
from gateway.request.json_types import FIRST_FAULT, Positive, Tolerant, Whole
from gateway.tasks.function_to_apply import Function
from gateway.tasks.instance import Labels

Texts = str | Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
_OPTIONS = Field(None, description="changes nothing")
TEXTS = {"inputs": "must be a text or a list of one or more texts"}
TEXTS_OR_PAIRS = {"inputs": 'must be a text, a pair {"text": "…", "text_pair": "…"}, or a list of one or more of one kind'}
QUESTION = {
    "inputs": 'must be {"question": "…", "context": "…"}',
    "parameters.max_question_len": "questions are read whole; leave it out",
    "parameters.align_to_words": "answers are of whole words always; leave it out or say true",
}
"""What fields with several types must be, and why some are refused."""


class TextPair(Tolerant):
    """A pair of texts."""

    text: str
    text_pair: str


class Question(Tolerant):
    """A question and the text that holds its answer."""

    question: str
    context: str


class ClassificationParameters(Tolerant):
    """Of text-classification."""

    top_k: Positive | None = None
    function_to_apply: Function | None = Field(None, description="what makes scores of logits; absent: as the model was trained")


class ClassificationBody(Tolerant):
    """Texts or pairs to classify."""

    inputs: Texts | TextPair | Annotated[list[TextPair], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
    parameters: ClassificationParameters | None = None
    options: HubOptions | None = _OPTIONS


class EntityParameters(Tolerant):
    """Of token-classification."""

    aggregation_strategy: str | None = None
    ignore_labels: Labels | None = Field(None, description='further labels to leave out; "O" always is')
    stride: Annotated[Whole, Field(ge=0)] | None = Field(None, description="refused where a text needs several windows")


class EntityBody(Tolerant):
    """Texts to find entities in."""

    inputs: Texts
    parameters: EntityParameters | None = None
    options: HubOptions | None = _OPTIONS


class AnswerParameters(Tolerant):
    """Of question-answering."""

    top_k: Positive | None = None
    max_answer_len: Positive | None = None
    handle_impossible_answer: bool | None = None
    align_to_words: Literal[True] | None = Field(None, description="true only: answers are of whole words")
    max_seq_len: Positive | None = Field(None, description="refused where question and context do not fit into one window of both")
    doc_stride: Annotated[Whole, Field(ge=0)] | None = Field(None, description="refused where a context needs several windows")


class AnswerBody(Tolerant):
    """A question."""

    inputs: Question
    parameters: AnswerParameters | None = None
    options: HubOptions | None = _OPTIONS


class ZeroShotParameters(Tolerant):
    """Of zero-shot-classification."""

    candidate_labels: Annotated[Labels, Field(min_length=1)]
    hypothesis_template: str | None = None
    multi_label: bool | None = None


class ZeroShotBody(Tolerant):
    """Texts to classify by labels of the request's own."""

    inputs: Texts
    parameters: ZeroShotParameters
    options: HubOptions | None = _OPTIONS
