"""`POST /v1/embeddings` (OpenAI), also as TEI and Azure have it.

The body names the model; Azure's path does.
"""

from fastapi import APIRouter, Request, Response

from gateway.calls.call import Call
from gateway.dialects import openai
from gateway.dialects.openai_bodies import EmbeddingsBody, EmbeddingsResponse
from gateway.request.context import CONTEXT, RequestContext
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation.openai import responses
from gateway.routes.documentation.openapi import MODEL, REQUEST_HEADERS, json_body
from gateway.routes.documentation.schema import schema_of

router = APIRouter(route_class=DirectRoute, tags=["openai"])
_BODY = json_body(schema_of(EmbeddingsBody))
_RESPONSES = responses(EmbeddingsResponse)


@router.post(
    "/v1/embeddings",
    summary="Embed texts",
    responses=_RESPONSES,
    openapi_extra={"requestBody": _BODY, "parameters": REQUEST_HEADERS},
)
@router.post("/embeddings", include_in_schema=False)
@router.post("/infinity/embeddings", include_in_schema=False)
async def create_embeddings(request: Request) -> Response:
    """Embeddings of texts by a model for feature-extraction. Without X-Unit-ID the `user` is an
    experiment's unit. `/embeddings` is the same.
    """
    return await _embeddings(request)


@router.post("/openai/v1/embeddings", include_in_schema=False)
async def create_azure_embeddings(request: Request) -> Response:
    """As `/v1/embeddings`, with Azure's header."""
    _read_azure_key(request.scope[CONTEXT])
    return await _embeddings(request)


@router.post(
    "/openai/deployments/{model:name}/embeddings",
    summary="Embed texts as Azure has it",
    responses=_RESPONSES,
    openapi_extra={"requestBody": _BODY, "parameters": [MODEL, *REQUEST_HEADERS]},
)
@router.post("/models/{model:name}/embeddings", include_in_schema=False)
@router.post("/models/{model:name}/v1/embeddings", include_in_schema=False)
async def create_deployment_embeddings(request: Request) -> Response:
    """As `/v1/embeddings`, by the model in the path. The key may stand in the header `api-key`."""
    _read_azure_key(request.scope[CONTEXT])
    return await _embeddings(request, request.path_params["model"])


async def _embeddings(request: Request, deployment: str | None = None) -> Response:
    call = await Call.enter(request)
    body = openai.parse_embeddings(await call.json(values_factor=openai.VALUES_FACTOR))
    lane = call.assign(call.model(deployment or body.model, "embed"), body.version, body.user)
    return await call.answer(lane, openai.ask_embeddings(body, lane.manifest, call.stack.request_limits.max_text_bytes))


def _read_azure_key(ctx: RequestContext) -> None:
    """Take the key from where Azure's clients write it."""
    if (key := ctx.headers.get("api-key")) is not None and "authorization" not in ctx.headers:
        ctx.headers = {**ctx.headers, "authorization": f"Bearer {key}"}
