"""TEI's paths for the default models, and below `/models/{model}` for each model.

`POST /models/{model}` is Hugging Face's pipeline.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from gateway.calls.call import Call
from gateway.dialects import hugging_face, hugging_face_bodies, tei, tei_bodies
from gateway.dialects.ask import Ask
from gateway.errors import NotReady
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation.openapi import MODEL, REQUEST_HEADERS, json_body, responses
from gateway.routes.documentation.schema import schema_of
from gateway.stack import stack_of
from model_repository.manifest import Manifest

router = APIRouter(route_class=DirectRoute, tags=["text embeddings inference"])
Read = Callable[[bytes, Manifest, int], Ask]


class TeiError(BaseModel):
    """TEI's error: what is wrong, in a sentence, and of which kind."""

    error: str
    error_type: str


class LabelScore(BaseModel):
    """A label and its score."""

    label: str
    score: float


class Rank(BaseModel):
    """A text by its place in the request."""

    index: int
    score: float
    text: str | None = None


class Info(BaseModel):
    """What a server says of its model."""

    model_id: str
    model_sha: str
    model_dtype: str
    model_type: dict[str, Any]
    max_input_length: int
    max_batch_requests: int
    max_client_batch_size: int
    auto_truncate: bool
    version: str


def _endpoint(name: str, summary: str, use: str, read: Read) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        call = await Call.enter(request)
        raw = await call.json()
        lane = call.assign(call.model(request.path_params.get("model"), use))
        ask = read(raw, lane.manifest, call.stack.request_limits.max_text_bytes)
        return await call.answer(lane, ask)

    endpoint.__name__, endpoint.__doc__ = name, summary
    return endpoint


def _add(path: str, *, name: str, summary: str, use: str, read: Read, body: dict[str, Any], response: Any) -> None:
    """Serve a path for the default model of `use`, and below `/models/{model}` for each model."""
    endpoint = _endpoint(name, summary, use, read)
    of_model = "/models/{model:name}" + path.removesuffix("/")
    for served_path, parameters in ((path, REQUEST_HEADERS), (of_model, [MODEL, *REQUEST_HEADERS])):
        router.add_api_route(
            served_path,
            endpoint,
            methods=["POST"],
            summary=summary,
            responses=responses(response, TeiError),
            openapi_extra={"requestBody": json_body(body), "parameters": parameters},
        )


_ROOT_BODIES = (
    hugging_face_bodies.ClassificationBody,
    hugging_face_bodies.EntityBody,
    hugging_face_bodies.AnswerBody,
    hugging_face_bodies.ZeroShotBody,
    tei_bodies.EmbedBody,
    tei_bodies.SimilarityBody,
    tei_bodies.RerankBody,
)
_add(
    "/embed",
    name="embed",
    summary="Embed texts",
    use="embed",
    read=tei.ask_embed,
    body=schema_of(tei_bodies.EmbedBody),
    response=list[list[float]],
)
_add(
    "/similarity",
    name="similarity",
    summary="Compare sentences",
    use="embed",
    read=tei.ask_similarity,
    body=schema_of(tei_bodies.SimilarityBody),
    response=list[float],
)
_add(
    "/predict",
    name="classify",
    summary="Classify texts",
    use="predict",
    read=tei.ask_predict,
    body=schema_of(tei_bodies.PredictBody),
    response=list[LabelScore] | list[list[LabelScore]],
)
_add(
    "/rerank",
    name="rank",
    summary="Sort texts by relevance",
    use="rerank",
    read=tei.ask_rerank,
    body=schema_of(tei_bodies.RerankBody),
    response=list[Rank],
)
_add(
    "/",
    name="pipeline",
    summary="Ask as a Hugging Face pipeline",
    use="root",
    read=hugging_face.ask,
    body={"anyOf": [schema_of(body) for body in _ROOT_BODIES]},
    response=Any,
)


@router.get("/info", summary="Describe the default model", responses=responses(Info, TeiError))
@router.get(
    "/models/{model:name}/info", summary="Describe a model", responses=responses(Info, TeiError), openapi_extra={"parameters": [MODEL]}
)
async def show_info(request: Request) -> Response:
    """The model's task, precision and limits, of the version that answers by default."""
    call = await Call.enter(request)
    model = call.stack.catalog.current.model(call.model(request.path_params.get("model"), "root"))
    return JSONResponse(tei.info(model, model.versions[model.default_version].manifest))


@router.get("/health", summary="Does the model server answer?", response_class=Response, responses={503: {"model": TeiError}})
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
