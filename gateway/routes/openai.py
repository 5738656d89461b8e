"""`POST /v1/embeddings` (OpenAI) and `POST /v1/rerank` (Cohere, Jina, vLLM).

The body names the model.
"""

from fastapi import APIRouter, Request, Response

from gateway.calls.call import Call
from gateway.dialects import openai, rerank
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation.openapi import ERRORS, REQUEST_HEADERS, json_body, responses
from gateway.routes.documentation.schema import schema_of

router = APIRouter(route_class=DirectRoute, tags=["openai"])


@router.post(
    "/v1/embeddings",
    summary="Embed texts",
    responses=responses(openai.EmbeddingsResponse, openai.OpenAIError)
    | {400: {"model": openai.OpenAIError, "description": f"{ERRORS[400]}; or dimensions that the model was not trained for"}},
    openapi_extra={"requestBody": json_body(schema_of(openai.EmbeddingsBody)), "parameters": REQUEST_HEADERS},
)
async def create_embeddings(request: Request) -> Response:
    """Embeddings of 1 to 1000 texts by a model for feature-extraction. Without X-Unit-ID the `user`
    is an experiment's unit.
    """
    call = await Call.enter(request)
    body = openai.parse_embeddings(await call.json(values_factor=openai.VALUES_FACTOR))
    lane = call.assign(body.model, body.version, body.user)
    return await call.answer(lane, openai.ask_embeddings(body, lane.manifest, call.stack.request_limits.max_text_bytes))


@router.post(
    "/v1/rerank",
    summary="Sort documents by relevance",
    responses=responses(rerank.RerankResponse, openai.OpenAIError),
    openapi_extra={"requestBody": json_body(schema_of(rerank.RerankBody)), "parameters": REQUEST_HEADERS},
)
@router.post("/v2/rerank", include_in_schema=False)
async def create_rerank(request: Request) -> Response:
    """1 to 1000 documents sorted by how well they answer the query, by a model for text-ranking.
    `/v2/rerank` is the same.
    """
    call = await Call.enter(request)
    body = rerank.parse_rerank(await call.json())
    lane = call.assign(body.model, body.version, body.user)
    return await call.answer(lane, rerank.ask_rerank(body, lane.manifest, call.ctx.request_id, call.stack.request_limits.max_text_bytes))
