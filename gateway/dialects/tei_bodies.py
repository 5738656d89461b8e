"""The bodies of Text Embeddings Inference's requests."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from gateway.dialects.ask import MAX_INPUTS
from gateway.request.json_types import FIRST_FAULT, Positive, Strict

Texts = str | Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
Pair = Annotated[list[str], Field(min_length=1, max_length=2), FIRST_FAULT]


class Truncation(Strict):
    """What is done with a text that is too long."""

    truncate: bool | None = Field(None, description="false: a text that is too long is an error and not cut")
    truncation_direction: Literal["Left", "Right", "left", "right"] | None = Field(
        None, description="only right can be had: the end is cut"
    )


class EmbedOptions(Truncation):
    """How embeddings are made."""

    prompt_name: str | None = Field(None, description="models here have no prompts: a name is refused")


class EmbedBody(EmbedOptions):
    """Texts to embed."""

    inputs: Texts
    normalize: bool = Field(True, description="embeddings of Euclidean length 1")
    dimensions: Positive | None = Field(None, description="cut embeddings to this length, where the model allows it")

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": "wheat prices rose"}, {"inputs": ["wheat", "oil"]}]})


class Sentences(Strict):
    """A sentence, and those to compare with it."""

    source_sentence: str
    sentences: Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]


class SimilarityBody(Strict):
    """Sentences to compare."""

    inputs: Sentences
    parameters: EmbedOptions = Field(default_factory=EmbedOptions)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"inputs": {"source_sentence": "wheat prices rose", "sentences": ["grain got dearer", "rates fell"]}}]
        }
    )


class PredictBody(Truncation):
    """Texts or pairs to classify."""

    inputs: str | Annotated[list[str | Pair], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
    raw_scores: bool | None = Field(None, description="true: of a regression only; false: of all others")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": "opec cut output"}, {"inputs": [["opec cut output"], ["rates rose"]]}]}
    )


class RerankBody(Truncation):
    """A query and the texts to sort by how well they answer it."""

    query: str
    texts: Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
    raw_scores: bool | None = Field(None, description="true: of models without a sigmoid only; false: of all others")
    return_text: bool = False

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "who cut output?", "texts": ["opec cut output", "rates rose"]}]})
