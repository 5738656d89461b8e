"""The bodies of requests to rank documents and of answers, as Cohere, Jina and vLLM have them.

A field that can change the answer is obeyed or refused, and one that cannot is taken.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.dialects.ask import MAX_INPUTS
from gateway.dialects.openai_bodies import User
from gateway.request.json_types import FIRST_FAULT, Positive, Tolerant, Whole

SENTENCES = {
    "documents": 'must be a list of one or more documents, each a text or {"text": "…"}, with further fields if you like',
    "rank_fields": 'documents are ranked by their text; leave it out or say ["text"]',
    "relevant_spans": "documents are ranked as a whole; leave it out",
    "add_special_tokens": "the model's special tokens are always added; leave it out",
    "mm_processor_kwargs": "this model reads texts and has no processor; leave it out",
    "instruction": "this model takes no instruction; leave it out",
}
"""What fields with several types must be, and why fields of the originals are refused."""


class Document(BaseModel):
    """A document as an object; its other fields come back with it and do not change its place."""

    text: str

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, str | int | float | bool | None]


class RerankBody(Tolerant):
    """A query and the documents to sort by how well they answer it."""

    model: str | None = Field(None, description="the model's name; without it HEADRACE_DEFAULT_MODELS says (rerank), or the only one")
    query: str
    documents: Annotated[list[str | Document], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
    top_n: Annotated[Whole, Field(ge=0)] | None = Field(None, description="the n best documents only; 0: all")
    return_documents: bool | None = Field(None, description="false: results do not repeat their documents")
    raw_scores: bool | None = Field(None, description="Infinity's: scores as the model computes them, before the sigmoid")
    use_activation: bool | None = Field(None, description="vLLM's: the opposite of raw_scores")
    max_tokens_per_doc: Positive | None = Field(
        None, description="Cohere's: fewer tokens than the model reads are refused where a query with its document has more"
    )
    truncate_prompt_tokens: Annotated[Whole, Field(ge=-1)] | None = Field(
        None, description="vLLM's: fewer tokens than the model reads are refused where a query with its document has more"
    )
    truncation_side: Literal["left", "right"] | None = Field(None, description="vLLM's: left is refused where a document is too long")
    max_chunks_per_doc: Positive | None = Field(None, description="Cohere's: more than 1 is refused where a document is too long")
    rank_fields: Annotated[list[Literal["text"]], Field(max_length=1), FIRST_FAULT] | None = Field(
        None, description='Cohere\'s: ["text"] only'
    )
    padding: Literal["max_length", "do_not_pad"] | None = Field(None, description="vLLM's: changes nothing")
    priority: Whole | None = Field(None, description="Cohere's and vLLM's: changes nothing; X-Priority says batch for what can wait")
    request_id: str | None = Field(None, description="vLLM's: changes nothing; X-Request-ID names the request")
    cache_salt: str | None = Field(None, description="vLLM's: changes nothing")
    user: User | None = Field(None, description="who an experiment keeps on one variant, where X-Unit-ID does not say")
    version: Positive | None = Field(None, description="ask for this version, whatever the experiment says")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "ranker", "query": "who cut output?", "documents": ["opec ministers agreed to cut output", "rates rose"]},
                {
                    "model": "ranker",
                    "query": "who cut output?",
                    "documents": [{"text": "rates rose", "title": "Money"}],
                    "return_documents": False,
                    "top_n": 1,
                },
            ]
        }
    )


class Result(BaseModel):
    """A document by its place in the request."""

    index: int
    relevance_score: float
    document: Document | None = None


class RerankUsage(BaseModel):
    """Tokens that the model read: the query's count with each document."""

    prompt_tokens: int
    total_tokens: int


class RerankResponse(BaseModel):
    """The documents, best first; Cohere's clients read `meta`, those of vLLM and Jina `usage`."""

    id: str
    model: str
    usage: RerankUsage
    meta: dict[str, Any]
    results: list[Result]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "rerank-0f8d2c",
                    "model": "ranker",
                    "usage": {"prompt_tokens": 24, "total_tokens": 24},
                    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}, "tokens": {"input_tokens": 24}},
                    "results": [{"index": 0, "relevance_score": 0.9871, "document": {"text": "opec ministers agreed to cut output"}}],
                }
            ]
        }
    )
