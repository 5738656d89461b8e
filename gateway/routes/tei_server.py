"""What a TEI server says of itself: `/info`, `/health`, `/ping`; and why paths are not here."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from gateway.calls.call import Call
from gateway.dialects import tei
from gateway.errors import NotReady, Unsupported
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation.openapi import MODEL, responses
from gateway.routes.tei import TeiError
from gateway.stack import stack_of

router = APIRouter(route_class=DirectRoute, tags=["text embeddings inference"])
_NO_TOKENIZER = "texts are tokenized where the model runs, and the gateway has no tokenizer: use the version's tokenizer.json"
_ABSENT = {
    "embed_all": "embeddings of single tokens are not kept: a packaged version gives one for a text; ask at /embed",
    "embed_sparse": "sparse embeddings are not made: no model here has SPLADE pooling; ask at /embed",
    "tokenize": _NO_TOKENIZER,
    "decode": _NO_TOKENIZER,
}


class Info(BaseModel):
    """What a server says of its model."""

    model_id: str
    model_sha: str
    model_dtype: str
    served_model_name: str
    model_type: dict[str, Any]
    max_concurrent_requests: int
    max_input_length: int
    max_batch_tokens: int
    max_batch_requests: int
    max_client_batch_size: int
    auto_truncate: bool
    tokenization_workers: int
    version: str
    sha: str | None
    docker_label: str | None


@router.get("/info", summary="Describe the default model", responses=responses(Info, TeiError))
@router.get(
    "/models/{model:name}/info", summary="Describe a model", responses=responses(Info, TeiError), openapi_extra={"parameters": [MODEL]}
)
async def show_info(request: Request) -> Response:
    """The model's task, precision and limits, of the version that answers by default."""
    call = await Call.enter(request)
    model = call.stack.catalog.current.model(call.model(request.path_params.get("model"), "root"))
    manifest, stack = model.versions[model.default_version].manifest, call.stack
    return JSONResponse(
        tei.info(model, manifest, max_pending=stack.settings["max_pending"]["value"], max_items=stack.request_limits.max_items)
    )


@router.get("/health", summary="Does the model server answer?", response_class=Response, responses={503: {"model": TeiError}})
@router.get("/ping", include_in_schema=False)
async def check_health(request: Request) -> Response:
    """200 while a catalog is known and Triton answers. No key is asked for."""
    stack = stack_of(request.app)
    if stack.catalog.fault is not None:
        raise NotReady(stack.catalog.fault)
    return Response()


@router.get(
    "/models/{model:name}/health",
    summary="Is a model ready?",
    response_class=Response,
    responses={status: {"model": TeiError} for status in (401, 403, 404, 429, 503)},
    openapi_extra={"parameters": [MODEL]},
)
async def check_model(request: Request) -> Response:
    """200 while one of the model's versions is ready."""
    call = await Call.enter(request)
    model = call.stack.catalog.current.model(request.path_params["model"])
    if not model.is_ready(model.default_version):
        raise NotReady(f"no version of model {model.name} is ready; try again later")
    return Response()


@router.get("/api-doc/openapi.json", include_in_schema=False)
async def show_document(request: Request) -> Response:
    """The OpenAPI document where TEI has its own."""
    return JSONResponse(request.app.openapi())


def _absent(name: str, reason: str) -> None:
    async def endpoint(request: Request) -> Response:
        raise Unsupported(reason)

    endpoint.__doc__ = f"Not spoken: {reason}."
    for path in (f"/{name}", f"/models/{{model:name}}/{name}"):
        router.add_api_route(path, endpoint, methods=["POST"], include_in_schema=False)


for _name, _reason in _ABSENT.items():
    _absent(_name, _reason)
