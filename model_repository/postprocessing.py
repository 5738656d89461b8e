"""What is made of a graph's outputs: the settings that change an answer, as a manifest has them.

There is a class for each task, which the task's row names (`tasks.py`).
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Function = Literal["softmax", "sigmoid", "identity"]
"""Logits → scores: of one label of several (`softmax`), of each label for itself or a relevance
(`sigmoid`), or a regression (`identity`)."""

Similarity = Literal["cosine", "dot", "euclidean", "manhattan"]
"""How alike two embeddings are, as sentence-transformers' `similarity_fn_name` has it."""

AggregationStrategy = Literal["none", "simple", "first", "average", "max"]
"""How tokens become entities, as transformers' pipeline names it."""

POOLING_MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
"""How token embeddings become one, as sentence-transformers names it."""
_POOLING = f"({'|'.join(POOLING_MODES)})"


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


class Prompted(Postprocessing):
    """What a model was trained to read before a text, by name.

    `default_prompt_name` names the one of requests that name none; `include_prompt` says whether a
    prompt's tokens are pooled, too.
    """

    prompts: Mapping[str, str] = Field({})
    default_prompt_name: str | None = None
    include_prompt: bool = True


class FeatureExtraction(Prompted):
    """An embedding, brought to Euclidean length 1 where `normalize`, then cut to its first
    `dimension` numbers.

    `graph_output` names the graph's output: embeddings, or those of tokens, to be pooled.
    `pooling` says how the tokens are pooled, wherever that is done; modes joined by + stand one
    after another. `matryoshka_dimensions` are the lengths at which the model was trained to be cut
    (Kusupati et al., 2022); none: it was not. `similarity` says how two embeddings are compared.
    """

    dimension: int = Field(ge=1)
    pooling: str = Field(pattern=rf"^{_POOLING}(\+{_POOLING})*$")
    normalize: bool
    matryoshka_dimensions: tuple[int, ...] = ()
    graph_output: Literal["last_hidden_state", "sentence_embedding"] = "last_hidden_state"
    similarity: Similarity = "cosine"


class TextRanking(Prompted):
    """Relevance of a document to a query, which is the text that prompts stand before."""

    function: Literal["sigmoid", "identity", "tanh"] = "sigmoid"


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
