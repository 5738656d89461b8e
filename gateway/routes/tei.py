"""TEI's paths for the default models, and below `/models/{model}` for each model.

`POST /models/{model}` is Hugging Face's pipeline.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from gateway.calls.call import Call
from gateway.dialects import hugging_face, hugging_face_bodies, rerank, tei, tei_bodies, vertex
from gateway.dialects.ask import Ask
from gateway.dialects.rerank_bodies import RerankBody, RerankResponse
from gateway.lane import Lane
from gateway.routes import cohere
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation.openapi import MODEL, REQUEST_HEADERS, json_body, responses
from gateway.routes.documentation.schema import any_of, schema_of
from model_repository.manifest import Manifest

router = APIRouter(route_class=DirectRoute, tags=["text embeddings inference"])
Endpoint = Callable[[Request], Awaitable[Response]]
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


def _endpoint(name: str, use: str, read: Read) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        call = await Call.enter(request)
        raw = await call.json()
        lane = call.assign(call.model(request.path_params.get("model"), use))
        return await call.answer(lane, read(raw, lane.manifest, call.stack.request_limits.max_text_bytes))

    endpoint.__name__ = name
    return endpoint


def _add(path: str, endpoint: Endpoint, *, summary: str, body: dict[str, Any], response: Any) -> None:
    """Serve a path for a default model, and below `/models/{model}` for each model."""
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
    _endpoint("embed", "embed", tei.ask_embed),
    summary="Embed texts",
    body=schema_of(tei_bodies.EmbedBody),
    response=list[list[float]],
)
_add(
    "/similarity",
    _endpoint("similarity", "embed", tei.ask_similarity),
    summary="Compare sentences",
    body=schema_of(tei_bodies.SimilarityBody),
    response=list[float],
)
_add(
    "/predict",
    _endpoint("classify", "predict", tei.ask_predict),
    summary="Classify texts",
    body=schema_of(tei_bodies.PredictBody),
    response=list[LabelScore] | list[list[LabelScore]],
)


async def _pipeline(request: Request) -> Response:
    """Ask as a Hugging Face pipeline."""
    call = await Call.enter(request)
    raw = await call.json()
    lane = call.assign(call.model(request.path_params.get("model"), "root"))
    return await call.answer(lane, _read_pipeline(call, raw, lane))


def _read_pipeline(call: Call, raw: bytes, lane: Lane) -> Ask:
    older = hugging_face.reads_labels_and_scores(call.ctx.headers.get("user-agent", ""))
    return hugging_face.ask(raw, lane.manifest, call.stack.request_limits.max_text_bytes, labels_and_scores=older)


async def _rank(request: Request) -> Response:
    """TEI's body has `texts`; one with `documents` is answered as at `/v1/rerank`."""
    call = await Call.enter(request)
    raw = await call.json()
    if rerank.has_documents(raw):
        return await cohere.rank(call, raw)
    lane = call.assign(call.model(request.path_params.get("model"), "rerank"))
    return await call.answer(lane, tei.ask_rerank(raw, lane.manifest, call.stack.request_limits.max_text_bytes))


async def _vertex(request: Request) -> Response:
    """Vertex AI's envelope: each instance is a request as at `/`."""
    call = await Call.enter(request)
    raw = await call.json()
    lane = call.assign(call.model(request.path_params.get("model"), "root"))
    return await call.answer(lane, vertex.ask_vertex(raw, lambda instance: _read_pipeline(call, instance, lane)))


_add(
    "/rerank",
    _rank,
    summary="Sort texts by relevance",
    body=any_of(tei_bodies.RerankBody, RerankBody),
    response=list[Rank] | RerankResponse,
)
_add(
    "/",
    _pipeline,
    summary="Ask as a Hugging Face pipeline",
    body=any_of(*_ROOT_BODIES),
    response=Any,
)
_add("/vertex", _vertex, summary="Ask as from Vertex AI", body=schema_of(vertex.VertexBody), response=Any)
router.add_api_route("/invocations", _pipeline, methods=["POST"], include_in_schema=False)
