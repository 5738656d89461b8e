"""Reranking as Cohere, Jina and vLLM shape it."""

from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from gateway.dialects.ask import Ask
from gateway.dialects.cohere_meta import meta
from gateway.dialects.json_body import parse
from gateway.dialects.rerank_bodies import SENTENCES, Document, RerankBody
from gateway.dialects.texts import encoded
from gateway.dialects.truncation import require_end_cut, require_uncut_by
from gateway.errors import InvalidRequest
from gateway.faults import faults
from gateway.request.prediction import Item, Prediction
from gateway.request.row import cut_at, tokens_of
from gateway.tasks.function_to_apply import Function
from gateway.tasks.task import require_use
from gateway.tasks.text_ranking import options_of, ranking, settings_of
from model_repository.manifest import Manifest

_BODY = TypeAdapter(RerankBody)


class _DocumentsAbsent(BaseModel):
    # everything else is ignored, and nothing is made of it
    documents: None = None


_DOCUMENTS_ABSENT = TypeAdapter(_DocumentsAbsent)
DOCUMENTS_PER_SEARCH = 100
"""Cohere counts a query with up to so many documents as one search."""


def parse_rerank(raw: bytes) -> RerankBody:
    """Read a request's body.

    Raises:
        MalformedRequest, InvalidRequest: as `json_body.parse`.
    """
    return parse(_BODY, raw, SENTENCES)


def has_documents(raw: bytes) -> bool:
    """Whether a body is such a request, and not one of TEI's, which has `texts`."""
    try:
        _DOCUMENTS_ABSENT.validate_json(raw)
    except ValidationError as exc:
        return any(fault.place[:1] == ("documents",) for fault in faults(exc))
    return False


def ask_rerank(
    body: RerankBody, manifest: Manifest, request_id: str, max_text_bytes: int, api_version: str = "2", *, bare_documents: bool = False
) -> Ask:
    """The query beside each document, and the documents sorted.

    With `bare_documents` the answer has their texts alone, as Infinity's has.

    Raises:
        InvalidRequest: the model does not rank, or cannot do what a field wants.
        TooLarge: a text of more than `max_text_bytes`.
    """
    require_use(manifest, "rerank")
    options = options_of(manifest, _function(body, settings_of(manifest).function))
    texts = [document.text if isinstance(document, Document) else document for document in body.documents]
    query = encoded(body.query, "query", max_text_bytes)

    def document_of(at: int) -> dict[str, Any]:
        if body.return_documents is False:
            return {}
        if bare_documents:
            return {"document": texts[at]}
        document = body.documents[at]
        return {"document": document.model_dump() if isinstance(document, Document) else {"text": document}}

    def render(prediction: Prediction) -> dict[str, Any]:
        _require_cut(body, prediction)
        tokens = prediction.tokens_read()
        best = ranking(prediction.rows)[: body.top_n or None]
        searches = -(-len(texts) // DOCUMENTS_PER_SEARCH)
        return {
            "id": f"rerank-{request_id}",
            "model": body.model or manifest.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            "meta": meta(api_version, tokens, search_units=searches),
            "results": [{"index": at, "relevance_score": score, **document_of(at)} for at, score in best],
        }

    return Ask([Item(query, encoded(text, f"documents.{i}", max_text_bytes), options) for i, text in enumerate(texts)], render)


def _function(body: RerankBody, own: str) -> Function | None:
    """What makes scores of logits; None: what the model was trained with, whose name is `own`."""
    if body.raw_scores is not None and body.use_activation is body.raw_scores:
        raise InvalidRequest.of_field("use_activation", "raw_scores says the opposite; leave one of them out")
    if body.raw_scores or body.use_activation is False:
        return "none"
    return "sigmoid" if body.raw_scores is False and own != "sigmoid" else None


def _require_cut(body: RerankBody, prediction: Prediction) -> None:
    """Require that no field wants documents cut or read otherwise than the model did."""
    limit = body.truncate_prompt_tokens
    require_uncut_by(prediction, "truncate_prompt_tokens", None if limit == -1 else limit)
    require_uncut_by(prediction, "max_tokens_per_doc", body.max_tokens_per_doc)
    if body.truncation_side == "left":
        require_end_cut(prediction, "truncation_side", "say right")
    if body.max_chunks_per_doc is not None and (body.max_chunks_per_doc > 1 or cut_at(prediction.manifest) is None):
        _require_one_chunk(prediction)


def _require_one_chunk(prediction: Prediction) -> None:
    most = prediction.manifest.max_length
    for at, row in enumerate(prediction.rows):
        if (tokens := tokens_of(row)) > most:
            sentence = f"document {at} has {tokens} tokens with the query, more than the {most} of a chunk; leave it out"
            raise InvalidRequest.of_field("max_chunks_per_doc", sentence)
