"""Reranking as Cohere, Jina and vLLM shape it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.dialects.ask import MAX_INPUTS, Ask
from gateway.dialects.json_body import Positive, Strict, parse
from gateway.dialects.texts import encoded
from gateway.prediction import Item, Prediction
from gateway.tasks.task import require_task
from gateway.tasks.text_ranking import ranking
from model_repository.manifest import Manifest

_SENTENCES = {"documents": f'must be a list of 1 to {MAX_INPUTS} documents, each a text or {{"text": "…"}}'}


class Document(Strict):
    """A document as an object."""

    text: str


class RerankBody(Strict):
    """A query and the documents to sort by how well they answer it."""

    model: str = Field(description="the model's name")
    query: str
    documents: Annotated[list[str | Document], Field(min_length=1, max_length=MAX_INPUTS)]
    top_n: Positive | None = Field(None, description="the n best documents only")
    return_documents: bool = Field(True, description="whether each result repeats its document")
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
        InvalidRequest: the model does not rank.
        TooLarge: a text of more than `max_text_bytes`.
    """
    require_task(manifest, "text-ranking")
    texts = [document if isinstance(document, str) else document.text for document in body.documents]
    query = encoded(body.query, "query", max_text_bytes)

    def render(prediction: Prediction) -> dict[str, Any]:
        tokens = prediction.tokens_read()
        best = ranking(prediction.rows)[: body.top_n]
        results = [
            {"index": at, "relevance_score": score, **({"document": {"text": texts[at]}} if body.return_documents else {})}
            for at, score in best
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"id": f"rerank-{request_id}", "model": body.model, "usage": usage, "results": results}

    return Ask([Item(query, encoded(text, f"documents.{i}", max_text_bytes)) for i, text in enumerate(texts)], render)
