"""Cohere's `POST /v1/rerank` and `/v2/rerank`, as Jina and vLLM have it too, and its `…/embed`.

What differs between the versions is the shape of an answer.
"""

from fastapi import APIRouter, Request, Response

from gateway.calls.call import Call
from gateway.dialects import cohere_embed, rerank
from gateway.dialects.cohere_embed_bodies import EmbedBody, EmbedResponse
from gateway.dialects.rerank_bodies import RerankBody, RerankResponse
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation.openai import responses
from gateway.routes.documentation.openapi import REQUEST_HEADERS, json_body
from gateway.routes.documentation.schema import schema_of

router = APIRouter(route_class=DirectRoute, tags=["cohere"])


@router.post(
    "/v1/rerank",
    summary="Sort documents by relevance",
    responses=responses(RerankResponse),
    openapi_extra={"requestBody": json_body(schema_of(RerankBody)), "parameters": REQUEST_HEADERS},
)
@router.post("/v2/rerank", include_in_schema=False)
async def create_rerank(request: Request) -> Response:
    """Documents sorted by how well they answer the query, by a model for text-ranking. `/v2/rerank`
    is the same.
    """
    call = await Call.enter(request)
    return await rank(call, await call.json())


# the same body as at /rerank asks for another answer here, so that a path must say which
@router.post("/infinity/rerank", include_in_schema=False)
async def create_infinity_rerank(request: Request) -> Response:
    """As `/v1/rerank`, for clients of Infinity, who read documents as texts."""
    call = await Call.enter(request)
    return await rank(call, await call.json(), bare_documents=True)


async def rank(call: Call, raw: bytes, *, bare_documents: bool = False) -> Response:
    """Answer a body that has `documents`."""
    body = rerank.parse_rerank(raw)
    lane = call.assign(call.model(call.request.path_params.get("model") or body.model, "rerank"), body.version, body.user)
    ask = rerank.ask_rerank(
        body,
        lane.manifest,
        call.ctx.request_id,
        call.stack.request_limits.max_text_bytes,
        _api_version(call),
        bare_documents=bare_documents,
    )
    return await call.answer(lane, ask)


@router.post(
    "/v2/embed",
    summary="Embed texts as Cohere has it",
    responses=responses(EmbedResponse),
    openapi_extra={"requestBody": json_body(schema_of(EmbedBody)), "parameters": REQUEST_HEADERS},
)
@router.post("/v1/embed", include_in_schema=False)
async def create_embed(request: Request) -> Response:
    """Embeddings of texts by a model for feature-extraction. `/v1/embed` answers a list of them
    where the request names no types.
    """
    call = await Call.enter(request)
    body = cohere_embed.parse_embed(await call.json())
    lane = call.assign(call.model(body.model, "embed"), body.version)
    max_text_bytes = call.stack.request_limits.max_text_bytes
    return await call.answer(lane, cohere_embed.ask_embed(body, lane.manifest, call.ctx.request_id, max_text_bytes, _api_version(call)))


def _api_version(call: Call) -> str:
    return "1" if call.request.scope["path"].startswith("/v1/") else "2"
