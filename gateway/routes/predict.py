"""`POST /v1/models/{model}:predict`."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.cache.key import entity_tag
from gateway.dialects import kserve_v1
from gateway.dialects.rendered import Rendered
from gateway.routes.call import MAX_UNIT_CHARS, Call, age_header
from gateway.routes.direct import DirectRoute
from gateway.tasks import task_of

router = APIRouter(route_class=DirectRoute, tags=["predict"])
_RENDERED = Rendered()


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": {"type": "string"}}


_REQUEST_HEADERS = [
    _header("X-Unit-ID", f"who an experiment keeps on one variant: 1 to {MAX_UNIT_CHARS} printable ASCII characters"),
    _header("X-Request-ID", "comes back in the answer and stands in the log"),
    _header("X-Request-Timeout-Ms", "how long the answer may take, milliseconds"),
    _header(
        "Cache-Control",
        "no-cache: compute anew and store; no-store: neither look up nor store; only-if-cached: 504 rather than compute; "
        "max-age, min-fresh, max-stale, stale-if-error: how old an answer may be, seconds",
    ),
    _header("If-None-Match", "the ETag of an answer that the client has; 304 while it is still the answer"),
]
_RESPONSE_HEADERS = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in {
        "X-Model-Version": "the version that answered",
        "X-Experiment": "the experiment that chose it",
        "X-Variant": "the variant that the unit is on",
        "X-Cache": "hit, miss, partial, stale or bypass",
        "Age": "seconds since the oldest answer was made, where all came from the cache",
        "ETag": "names this answer; for If-None-Match",
        "Server-Timing": "the time in each stage",
    }.items()
}
_ERRORS: dict[int, str] = {
    400: "not JSON, not UTF-8, or a header that cannot be read",
    401: "an API key is needed",
    404: "no such model or version",
    413: "the body or a text is too large",
    422: "not a prediction request",
    429: "too many requests wait; see Retry-After",
    502: "the model server broke the contract",
    503: "the model is not ready; see Retry-After",
    504: "no answer within the time allowed, or none in the cache where only that was wanted",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": kserve_v1.PredictResponse, "headers": _RESPONSE_HEADERS},
    304: {"description": "the client has this answer already"},
    **{status: {"model": kserve_v1.Error, "description": meaning} for status, meaning in _ERRORS.items()},
}
_DOCUMENTATION = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": kserve_v1.body_schema()}}},
    "parameters": [
        {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}, "example": "topics"},
        *_REQUEST_HEADERS,
    ],
}


@router.post("/v1/models/{model:name}:predict", summary="Predict", responses=_RESPONSES, openapi_extra=_DOCUMENTATION)
async def predict(request: Request) -> Response:
    """Answer 1 to 64 instances. The version is the one asked for, else the one of the unit's variant, else the model's default."""
    call = Call.of(request)
    body = kserve_v1.parse(await call.body())
    call.ctx.instances = len(body.instances)
    call.ctx.lap("parse")
    lane = call.assign(request.path_params["model"], body.version)
    task = task_of(lane.manifest)
    items = kserve_v1.items(body, lane.manifest.task, task, call.stack.limits.max_text_bytes)
    flat = [item for one in items for item in one]
    sizes, parameters = [len(one) for one in items], kserve_v1.given(body.parameters)
    keys = call.keys(lane, flat)
    shown = kserve_v1.shown(sizes, parameters)
    tag = entity_tag(keys, shown)
    if call.not_modified(tag):
        return Response(status_code=304, headers={"ETag": tag})
    prediction = await call.predict(lane, flat, keys)
    render = partial(kserve_v1.render, prediction, task, parameters, sizes)
    body_json = _RENDERED.body(lane.manifest.digest, prediction.rows, shown, render)
    return Response(body_json, media_type="application/json", headers={"ETag": tag, **age_header(prediction)})
