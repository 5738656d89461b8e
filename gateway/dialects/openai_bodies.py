"""The bodies of OpenAI's requests and responses, with the fields that its relatives add.

vLLM, TEI, Infinity and NVIDIA's NIM answer on OpenAI's path. What their clients send is here too: a
field that can change the answer is obeyed or refused, and one that cannot is taken.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.dialects.ask import MAX_INPUTS
from gateway.dialects.embedding_options import InputType
from gateway.request.json_types import FIRST_FAULT, Positive, Tolerant, Whole

User = Annotated[str, Field(min_length=1, max_length=256)]
"""Who asks, in the words of OpenAI and vLLM."""

SENTENCES = {
    "input": "must be a text or a list of one or more texts; token ids are not taken, for nothing tells which tokenizer made them: "
    "send the texts themselves (LangChain's OpenAIEmbeddings does with check_embedding_ctx_length=False)",
    "encoding_format": "must be float or base64",
    "add_special_tokens": "the model's special tokens are always added; leave it out or say true",
    "embed_dtype": "embeddings are float32; leave it out",
    "endianness": "embeddings are little-endian; leave it out",
    "embedding_type": "embeddings are float; leave it out",
    "modality": "this model reads texts; leave it out",
    "input_type": "must be query, passage, document, search_query, search_document, classification or clustering",
    "messages": "chats are not embedded; send their texts as input",
    "mm_processor_kwargs": "this model reads texts and has no processor; leave it out",
}
"""What fields with several types must be, and why fields of relatives are refused."""


class EmbeddingsBody(Tolerant):
    """A request for embeddings."""

    model: str | None = Field(None, description="the model's name; without it HEADRACE_DEFAULT_MODELS says (embed), or the only one")
    input: str | Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT] = Field(description="one text or several")
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="float (the default): numbers; base64: float32 (little-endian)"
    )
    dimensions: Positive | None = Field(None, description="cut embeddings to this length, where the model allows it")
    user: User | None = Field(None, description="who an experiment keeps on one variant, where X-Unit-ID does not say")
    version: Positive | None = Field(None, description="ask for this version, whatever the experiment says")
    truncate_prompt_tokens: Annotated[Whole, Field(ge=-1)] | None = Field(
        None, description="vLLM's: fewer tokens than the model reads are refused where a text has more"
    )
    truncation_side: Literal["left", "right"] | None = Field(None, description="vLLM's: left is refused where a text is too long")
    truncate: Literal["NONE", "START", "END"] | None = Field(None, description="NIM's: NONE and START are refused where a text is too long")
    add_special_tokens: Literal[True] | None = Field(None, description="vLLM's: true only")
    use_activation: bool | None = Field(None, description="vLLM's: false: embeddings as they are pooled, of any length")
    embed_dtype: Literal["float32"] | None = Field(None, description="vLLM's")
    endianness: Literal["native", "little"] | None = Field(None, description="vLLM's")
    padding: Literal["max_length", "do_not_pad"] | None = Field(None, description="vLLM's: changes nothing")
    priority: Whole | None = Field(None, description="vLLM's: changes nothing; X-Priority says batch for what can wait")
    request_id: str | None = Field(None, description="vLLM's: changes nothing; X-Request-ID names the request")
    cache_salt: str | None = Field(None, description="vLLM's: changes nothing")
    embedding_type: Literal["float"] | None = Field(None, description="NIM's")
    input_type: InputType | None = Field(None, description="NIM's, Voyage's and Cohere's: chooses the prompt, of models that have some")
    modality: Literal["text"] | None = Field(None, description="Infinity's")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "minilm", "input": "opec ministers agreed to cut crude oil output"},
                {"model": "minilm", "input": ["wheat prices rose", "rates fell"], "encoding_format": "base64", "user": "u-17"},
            ]
        }
    )


class Embedding(BaseModel):
    """The embedding of the input at `index`."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens that the model read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(BaseModel):
    """Embeddings in the order of the inputs."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "list",
                    "data": [{"object": "embedding", "index": 0, "embedding": [0.0127, -0.0352, 0.0481]}],
                    "model": "minilm",
                    "usage": {"prompt_tokens": 10, "total_tokens": 10},
                }
            ]
        }
    )


class ErrorObject(BaseModel):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(BaseModel):
    """OpenAI's error."""

    error: ErrorObject
