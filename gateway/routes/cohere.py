"""`POST /v1/rerank` and `/v2/rerank`: Cohere's, as Jina and vLLM have it too."""

from fastapi import APIRouter, Request, Response

from gateway.calls.call import Call
from gateway.dialects import rerank
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


async def rank(call: Call, raw: bytes) -> Response:
    """Answer a body that has `documents`."""
    body = rerank.parse_rerank(raw)
    lane = call.assign(call.model(call.request.path_params.get("model") or body.model, "rerank"), body.version, body.user)
    limits, api_version = call.stack.request_limits, "1" if call.request.scope["path"].startswith("/v1/") else "2"
    return await call.answer(lane, rerank.ask_rerank(body, lane.manifest, call.ctx.request_id, limits.max_text_bytes, api_version))
