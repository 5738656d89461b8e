"""What is made of a graph's outputs: the settings that change an answer, as a manifest has them.

There is a class for each task, which the task's row names (`tasks.py`).
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Function = Literal["softmax", "sigmoid", "identity"]
"""Logits → scores: of one label of several (`softmax`), of each label for itself or a relevance
(`sigmoid`), or a regression (`identity`)."""

AggregationStrategy = Literal["none", "simple", "first", "average", "max"]
"""How tokens become entities, as transformers' pipeline names it."""

Pooling = Literal["mean", "cls", "max", "lasttoken"]
"""How token embeddings become one, as sentence-transformers names it."""


class Postprocessing(BaseModel):
    """Settings of one task.

    Unknown fields are those of a later version, and change answers: they are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class TextClassification(Postprocessing):
    """Scores of labels.

    `thresholds` are those from which a label holds, in the order of the labels (`sigmoid` only).
    """

    function: Function = "softmax"
    thresholds: tuple[float, ...] | None = None
    text_pair: bool = False


class TokenClassification(Postprocessing):
    """Entities, by `aggregation_strategy` unless a request says another.

    `subword_prefix` marks tokens that continue a word ("" where the tokenizer has no such mark);
    `unknown_token`, whose id is `unknown_token_id`, stands for whole words.
    """

    aggregation_strategy: AggregationStrategy = "simple"
    subword_prefix: str = ""
    unknown_token: str | None = None
    unknown_token_id: int | None = None


class FeatureExtraction(Postprocessing):
    """An embedding of `dimension` numbers, of Euclidean length 1 where `normalize`.

    `matryoshka_dimensions` are the lengths at which the model was trained to be cut (Kusupati et
    al., 2022); none: it was not.
    """

    dimension: int = Field(ge=1)
    pooling: Pooling
    normalize: bool
    matryoshka_dimensions: tuple[int, ...] = ()


class TextRanking(Postprocessing):
    """Relevance of a document to a query."""

    function: Literal["sigmoid", "identity"] = "sigmoid"


class QuestionAnswering(Postprocessing):
    """A span of a context; both settings hold unless a request says otherwise.

    `max_answer_length` is in tokens.
    """

    max_answer_length: int = Field(15, ge=1)
    handle_impossible_answer: bool = False


class ZeroShotClassification(Postprocessing):
    """Entailment of candidate labels.

    `entailment` and `contradiction` are indices of the NLI model's labels.
    """

    entailment: int = Field(ge=0)
    contradiction: int = Field(ge=0)
    hypothesis_template: str = Field("This example is {}.", pattern=r"\{\}")


class Windows(BaseModel):
    """How long texts are read whole: overlapping windows of `max_length` tokens.

    Neighbours share `stride` tokens (transformers' meaning of the word); `aggregation` joins the
    scores of labels. Embeddings are averaged by tokens, of a ranked document the best window
    counts, entities and answers are those of all windows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stride: int = Field(ge=0)
    aggregation: Literal["mean", "max"] = "mean"
