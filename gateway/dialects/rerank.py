"""Reranking as Cohere, Jina and vLLM shape it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.dialects.ask import MAX_INPUTS, Ask
from gateway.dialects.json_body import parse
from gateway.dialects.texts import encoded
from gateway.errors import InvalidRequest
from gateway.request.json_types import FIRST_FAULT, Positive, Strict, Whole
from gateway.request.prediction import Item, Prediction
from gateway.request.row import cut_at
from gateway.tasks.task import require_use
from gateway.tasks.text_ranking import ranking
from model_repository.manifest import Manifest

_SENTENCES = {
    "documents": f'must be a list of 1 to {MAX_INPUTS} documents, each a text or {{"text": "…"}}',
    "rank_fields": "documents are ranked by their text; leave it out",
    "max_chunks_per_doc": "documents are not cut into chunks; leave it out",
    "relevant_spans": "documents are ranked as a whole; leave it out",
    "priority": "must be 0 or left out; the header X-Priority says batch for what can wait",
}


class Document(Strict):
    """A document as an object."""

    text: str


class RerankBody(Strict):
    """A query and the documents to sort by how well they answer it."""

    model: str = Field(description="the model's name")
    query: str
    documents: Annotated[list[str | Document], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT]
    top_n: Positive | None = Field(None, description="the n best documents only")
    return_documents: bool | None = Field(None, description="false: results do not repeat their documents")
    max_tokens_per_doc: Positive | None = Field(None, description="Cohere's: no fewer than the model reads anyway")
    truncate_prompt_tokens: Annotated[Whole, Field(ge=-1)] | None = Field(
        None, description="vLLM's: -1, or no fewer than the model reads anyway"
    )
    priority: Annotated[Whole, Field(ge=0, le=0)] | None = Field(None, description="Cohere's and vLLM's: X-Priority is spoken instead")
    rank_fields: None = Field(None, description="Cohere's: not spoken")
    max_chunks_per_doc: None = Field(None, description="Cohere's: not spoken")
    relevant_spans: None = Field(None, description="Cohere's: not spoken")
    user: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        None, description="who an experiment keeps on one variant, where X-Unit-ID does not say"
    )
    version: Positive | None = Field(None, description="ask for this version, whatever the experiment says")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "ranker", "query": "who cut output?", "documents": ["opec ministers agreed to cut output", "rates rose"]},
                {
                    "model": "ranker",
                    "query": "who cut output?",
                    "documents": [{"text": "rates rose"}],
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
    """The documents, best first."""

    id: str
    model: str
    usage: RerankUsage
    results: list[Result]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "rerank-0f8d2c",
                    "model": "ranker",
                    "usage": {"prompt_tokens": 24, "total_tokens": 24},
                    "results": [{"index": 0, "relevance_score": 0.9871, "document": {"text": "opec ministers agreed to cut output"}}],
                }
            ]
        }
    )


_BODY = TypeAdapter(RerankBody)


def parse_rerank(raw: bytes) -> RerankBody:
    """Read a request's body.

    Raises:
        MalformedRequest, InvalidRequest: as `json_body.parse`.
    """
    return parse(_BODY, raw, _SENTENCES)


def ask_rerank(body: RerankBody, manifest: Manifest, request_id: str, max_text_bytes: int) -> Ask:
    """The query beside each document, and the documents sorted.

    Raises:
        InvalidRequest: the model does not rank, or cannot cut documents where the request wants it.
        TooLarge: a text of more than `max_text_bytes`.
    """
    require_use(manifest, "rerank")
    _require_cut(manifest, "max_tokens_per_doc", body.max_tokens_per_doc)
    _require_cut(manifest, "truncate_prompt_tokens", None if body.truncate_prompt_tokens == -1 else body.truncate_prompt_tokens)
    texts = [document if isinstance(document, str) else document.text for document in body.documents]
    query = encoded(body.query, "query", max_text_bytes)

    def render(prediction: Prediction) -> dict[str, Any]:
        tokens = prediction.tokens_read()
        best = ranking(prediction.rows)[: body.top_n]
        results = [
            {"index": at, "relevance_score": score, **({} if body.return_documents is False else {"document": {"text": texts[at]}})}
            for at, score in best
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"id": f"rerank-{request_id}", "model": body.model, "usage": usage, "results": results}

    return Ask([Item(query, encoded(text, f"documents.{i}", max_text_bytes)) for i, text in enumerate(texts)], render)


def _require_cut(manifest: Manifest, name: str, tokens: int | None) -> None:
    """Require that the model reads no more of a query with its document than `tokens`.

    None allows any number.

    Raises:
        InvalidRequest: the model reads more, or reads long documents whole.
    """
    limit = cut_at(manifest)
    if tokens is not None and (limit is None or tokens < limit):
        reads = "long documents whole" if limit is None else f"the first {limit} tokens of the query with each document"
        error = InvalidRequest(f"{name}: this model reads {reads}; leave it out")
        error.param = name
        raise error
