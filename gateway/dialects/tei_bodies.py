"""The bodies of Text Embeddings Inference's requests.

A field that can change the answer is obeyed or refused, and one that cannot is taken.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from gateway.dialects.ask import MAX_INPUTS
from gateway.request.json_types import FIRST_FAULT, Positive, Tolerant

Texts = str | Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
Pair = Annotated[list[str], Field(min_length=1, max_length=2), FIRST_FAULT]
SENTENCES = {
    "inputs": "must be a text or a list of one or more texts (of /predict a text, a pair [a, b] or a list of [a] and [a, b]); "
    "token ids are not taken, send the texts themselves",
    "texts": "must be a list of one or more texts",
    "model": "the path names the model; ask at /models/MODEL",
}
"""What fields with several types must be, and why some are refused."""


class HubOptions(Tolerant):
    """What the Hugging Face API is told beside the inputs; none of it changes an answer."""

    wait_for_model: bool | None = None
    use_cache: bool | None = None
    use_gpu: bool | None = None


class Truncation(Tolerant):
    """What is done with a text that is too long."""

    truncate: bool | None = Field(None, description="false: a text that is too long is an error and not cut")
    truncation_direction: Literal["Left", "Right", "left", "right"] | None = Field(
        None, description="left is refused where a text is too long: the end is cut"
    )
    options: HubOptions | None = Field(None, description="Hugging Face's: changes nothing")


class EmbedOptions(Truncation):
    """How embeddings are made."""

    prompt_name: str | None = Field(None, description="the prompt to put before the texts, of those that the model has")


class EmbedBody(EmbedOptions):
    """Texts to embed."""

    inputs: Texts
    normalize: bool | None = Field(None, description="embeddings of Euclidean length 1, unless false")
    dimensions: Positive | None = Field(None, description="cut embeddings to this length, where the model allows it")
    encoding_format: Literal["float"] | None = Field(None, description="float only: base64 is spoken at /v1/embeddings")

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": "wheat prices rose"}, {"inputs": ["wheat", "oil"]}]})


class Sentences(Tolerant):
    """A sentence, and those to compare with it."""

    source_sentence: str
    sentences: Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]


class SimilarityBody(Tolerant):
    """Sentences to compare."""

    inputs: Sentences
    parameters: EmbedOptions | None = None
    options: HubOptions | None = Field(None, description="Hugging Face's: changes nothing")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"inputs": {"source_sentence": "wheat prices rose", "sentences": ["grain got dearer", "rates fell"]}}]
        }
    )


class PredictBody(Truncation):
    """Texts or pairs to classify."""

    inputs: str | Annotated[list[str | Pair], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
    raw_scores: bool | None = Field(None, description="true: logits; false: scores from 0 to 1; absent: as the model was trained")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": "opec cut output"}, {"inputs": [["opec cut output"], ["rates rose"]]}]}
    )


class RerankBody(Truncation):
    """A query and the texts to sort by how well they answer it."""

    query: str
    texts: Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
    top_n: Positive | None = Field(None, description="the n best texts only")
    raw_scores: bool | None = Field(None, description="true: logits; false: scores from 0 to 1; absent: as the model was trained")
    return_text: bool | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "who cut output?", "texts": ["opec cut output", "rates rose"]}]})
