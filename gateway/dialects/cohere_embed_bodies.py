"""The bodies of Cohere's requests for embeddings, and of its answers."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.dialects.ask import MAX_INPUTS
from gateway.dialects.embedding_options import InputType
from gateway.request.json_types import FIRST_FAULT, Positive, Tolerant, Whole

EmbeddingType = Literal["float", "base64", "binary", "ubinary"]

SENTENCES = {
    "texts": f"must be a list of 1 to {MAX_INPUTS} texts",
    "inputs": f'must be a list of 1 to {MAX_INPUTS} inputs, each {{"content": [{{"type": "text", "text": "…"}}]}} with one text',
    "images": "this model reads texts; leave it out",
    "input_type": "must be search_query, search_document, classification or clustering",
    "embedding_types": "must be a list of float, base64, binary and ubinary; int8 and uint8 need ranges of numbers that nobody measured",
    "truncate": "must be NONE, START or END",
}
"""What fields with several types must be, and why some are refused."""


class Content(Tolerant):
    """A part of an input."""

    type: Literal["text"]
    text: str


class Input(Tolerant):
    """An input by its parts, of which there is one."""

    content: Annotated[list[Content], Field(min_length=1, max_length=1), FIRST_FAULT]


class EmbedBody(Tolerant):
    """Texts to embed, as `texts` or as `inputs`."""

    model: str | None = Field(None, description="the model's name; without it HEADRACE_DEFAULT_MODELS says (embed), or the only one")
    texts: Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT] | None = None
    inputs: Annotated[list[Input], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT] | None = None
    input_type: InputType | None = Field(None, description="chooses the prompt, of models that have some")
    embedding_types: Annotated[list[EmbeddingType], Field(max_length=4), FIRST_FAULT] | None = Field(
        None, description="float (the default), base64 (float32, little-endian), binary and ubinary (a bit for each number above 0)"
    )
    output_dimension: Positive | None = Field(None, description="cut embeddings to this length, where the model allows it")
    max_tokens: Positive | None = Field(None, description="fewer than the model reads are refused where a text has more")
    truncate: Literal["NONE", "START", "END"] | None = Field(None, description="NONE and START are refused where a text is too long")
    priority: Whole | None = Field(None, description="changes nothing; X-Priority says batch for what can wait")
    version: Positive | None = Field(None, description="ask for this version, whatever the experiment says")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "minilm",
                    "texts": ["wheat prices rose"],
                    "input_type": "search_document",
                    "embedding_types": ["float", "ubinary"],
                }
            ]
        }
    )


class EmbedResponse(BaseModel):
    """Embeddings in the order of the texts: by type, or a list of them (version 1 without
    `embedding_types`).
    """

    id: str
    response_type: Literal["embeddings_by_type", "embeddings_floats"]
    embeddings: dict[str, list[Any]] | list[list[float]]
    texts: list[str]
    meta: dict[str, Any]
