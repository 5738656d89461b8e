"""The Open Inference Protocol v2 over HTTP."""

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from gateway.calls.call import Call, age_header
from gateway.calls.inference import infer
from gateway.catalog.catalog import Catalog, ServedModel
from gateway.concurrency.aside import aside
from gateway.dialects.open_inference import http_body, metadata, model_config, unsupported
from gateway.errors import MalformedRequest, NotReady, Unsupported
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation import open_inference as documentation
from gateway.stack import stack_of

router = APIRouter(route_class=DirectRoute, tags=["open inference protocol"])
MODEL = "/v2/models/{model:name}"
VERSION = MODEL + "/versions/{version:number}"


@router.get("/v2", summary="Server metadata", responses=documentation.SERVER)
async def server(request: Request) -> Response:
    """The server's name, version and extensions."""
    return _json(metadata.server())


@router.get("/v2/health/live", summary="Is the process alive?", responses=documentation.LIVE)
async def live(request: Request) -> Response:
    """Alive as soon as it answers."""
    return _json({"live": True})


@router.get("/v2/health/ready", summary="Can it answer?", responses=documentation.READY)
async def ready(request: Request) -> Response:
    """Ready once a catalog was read and until it leaves, as `/readyz`."""
    stack = stack_of(request.app)
    if not stack.ready:
        raise NotReady("this gateway is starting or leaving; try again later")
    return _json({"ready": True})


@router.post("/v2/repository/index", summary="List the versions", responses=documentation.INDEX, openapi_extra=documentation.INDEX_BODY)
async def index(request: Request) -> Response:
    """Every version of every model and its state; with `{"ready": true}` those that answer."""
    call = await Call.enter(request)
    return _json(metadata.index(call.stack.catalog.current, _ready_only(await call.json())))


@router.api_route("/v2/systemsharedmemory/{rest:path}", methods=["GET", "POST"], include_in_schema=False)
@router.api_route("/v2/cudasharedmemory/{rest:path}", methods=["GET", "POST"], include_in_schema=False)
async def shared_memory(request: Request) -> Response:
    """Refused: the gateway may run on another machine than its clients and than Triton."""
    raise Unsupported(unsupported.SHARED_MEMORY)


@router.api_route("/v2/repository/models/{rest:path}", methods=["POST"], include_in_schema=False)
async def model_control(request: Request) -> Response:
    """Refused: whoever packages versions loads them."""
    raise Unsupported(unsupported.MODEL_CONTROL)


@router.api_route("/v2/trace/setting", methods=["GET", "POST"], include_in_schema=False)
@router.api_route(MODEL + "/trace/setting", methods=["GET", "POST"], include_in_schema=False)
async def trace_settings(request: Request) -> Response:
    """Refused: one client would set what all others are traced by."""
    raise Unsupported(unsupported.TRACES)


@router.api_route("/v2/logging", methods=["GET", "POST"], include_in_schema=False)
async def log_settings(request: Request) -> Response:
    """Refused, as trace settings are."""
    raise Unsupported(unsupported.LOG)


# these routes stand before those of the models: as with Triton, nobody can ask about a model whose
# name is stats
@router.api_route("/v2/models/stats", methods=["GET"], include_in_schema=False)
@router.api_route(MODEL + "/stats", methods=["GET"], include_in_schema=False)
@router.api_route(VERSION + "/stats", methods=["GET"], include_in_schema=False)
async def statistics(request: Request) -> Response:
    """Refused: `/metrics` has more."""
    raise Unsupported(unsupported.STATISTICS)


@router.get(MODEL, summary="Model metadata", responses=documentation.METADATA, openapi_extra=documentation.OF_MODEL)
@router.get(VERSION, summary="Version metadata", responses=documentation.METADATA, openapi_extra=documentation.OF_VERSION)
async def model_metadata(request: Request) -> Response:
    """The model's tensors and the versions that are ready."""
    return _json(metadata.model(_model(await Call.enter(request)), _version(request)))


@router.get(
    MODEL + "/ready",
    summary="Does the model answer?",
    responses=documentation.MODEL_READY,
    openapi_extra=documentation.OF_MODEL,
)
@router.get(
    VERSION + "/ready",
    summary="Does the version answer?",
    responses=documentation.MODEL_READY,
    openapi_extra=documentation.OF_VERSION,
)
async def model_ready(request: Request) -> Response:
    """200 if it does."""
    served = _model(await Call.enter(request))
    if not metadata.is_ready(served, _version(request)):
        raise NotReady(f"model {served.name} does not answer in this version now; try again later")
    return _json({"name": request.path_params["model"], "ready": True})


@router.get(MODEL + "/config", summary="Model configuration", responses=documentation.CONFIG, openapi_extra=documentation.OF_MODEL)
@router.get(VERSION + "/config", summary="Version configuration", responses=documentation.CONFIG, openapi_extra=documentation.OF_VERSION)
async def configuration(request: Request) -> Response:
    """The model's Triton configuration."""
    served = _model(await Call.enter(request))
    metadata.require_version(served, _version(request))
    return _json(model_config.as_json(served.config))


@router.post(MODEL + "/infer", summary="Infer", responses=documentation.INFER, openapi_extra=documentation.INFER_OF_MODEL)
@router.post(VERSION + "/infer", summary="Infer by a version", responses=documentation.INFER, openapi_extra=documentation.INFER_OF_VERSION)
async def model_infer(request: Request) -> Response:
    """Answer a batch of items; tensors as JSON or binary. Without a version, the experiment or the
    model's default decides.
    """
    call = await Call.enter(request)
    body, head_length = await call.body(), call.ctx.headers.get(http_body.HEADER_LENGTH)
    asked = await aside(len(body), http_body.parse, body, head_length, call.stack.request_limits.body.json)
    inference = await infer(call, request.path_params["model"], _version(request), asked)
    rendered = http_body.render(asked, *inference)
    return _response(rendered, age_header(inference.prediction))


def _model(call: Call) -> ServedModel:
    catalog: Catalog = call.stack.catalog.current
    return catalog.model(call.request.path_params["model"])


def _version(request: Request) -> int | None:
    return request.path_params.get("version")


def _ready_only(body: bytes) -> bool:
    if not body:
        return False
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise MalformedRequest(f"the body is not JSON in UTF-8: {exc.msg}") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("ready", False), bool):
        raise MalformedRequest('the body must be empty or an object such as {"ready": true}')
    return bool(asked.get("ready"))


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _response(body: http_body.Body, headers: dict[str, str]) -> Response:
    media_type = "application/json"
    if body.json_bytes is not None:
        headers["Inference-Header-Content-Length"] = str(body.json_bytes)
        media_type = "application/octet-stream"
    return Response(body.content, media_type=media_type, headers=headers)
