"""`POST /v1/models/{model}:predict`."""

from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.dialects import kserve_v1
from gateway.routes.call import MAX_UNIT_CHARS, Call, age_header
from gateway.routes.direct import DirectRoute
from gateway.tasks import task_of

router = APIRouter(route_class=DirectRoute, tags=["predict"])


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": {"type": "string"}}


_REQUEST_HEADERS = [
    _header("X-Unit-ID", f"who an experiment keeps on one variant: 1 to {MAX_UNIT_CHARS} printable ASCII characters"),
    _header("X-Request-ID", "comes back in the answer and stands in the log"),
    _header("X-Request-Timeout-Ms", "how long the answer may take, milliseconds; a limit of the gateway's bounds it"),
    _header("X-Priority", "interactive (the default), or batch: served while no interactive request waits, and shed first"),
    _header("Cache-Control", "no-cache: compute anew and store; no-store: neither look up nor store"),
]
_RESPONSE_HEADERS = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in {
        "X-Model-Version": "the version that answered",
        "X-Experiment": "the experiment that chose it",
        "X-Variant": "the variant that the unit is on",
        "X-Cache": "hit, miss, partial or bypass",
        "Age": "seconds since the oldest answer was made, where all came from the cache",
        "Server-Timing": "the time in each stage",
        "X-RateLimit-Limit": "the burst or quota of the limit that is nearest to its end, where the caller has limits",
        "X-RateLimit-Remaining": "what is left of it",
        "X-RateLimit-Reset": "seconds until all of it is there again",
    }.items()
}
_ERRORS: dict[int, str] = {
    400: "not JSON, not UTF-8, or a header that cannot be read",
    401: "an API key is needed",
    403: "the key lacks the scope predict",
    404: "no such model or version",
    408: "the body did not come in time",
    413: "the body or a text is too large",
    422: "not a prediction request",
    429: "too many requests wait, or a limit of the key or its tenant is reached; see Retry-After",
    502: "the model server broke the contract",
    503: "the model is not ready; see Retry-After",
    504: "no answer within the time allowed",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": kserve_v1.PredictResponse, "headers": _RESPONSE_HEADERS},
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
    call = await Call.enter(request)
    body = kserve_v1.parse(await call.json())
    call.ctx.instances = len(body.instances)
    call.ctx.lap("parse")
    lane = call.assign(request.path_params["model"], body.version)
    task = task_of(lane.manifest)
    items = kserve_v1.items(body, lane.manifest.task, task, call.stack.limits.max_text_bytes)
    prediction = await call.predict(lane, [item for one in items for item in one])
    rendered = kserve_v1.render(prediction, task, kserve_v1.given(body.parameters), [len(one) for one in items])
    return Response(rendered, media_type="application/json", headers=age_header(prediction))
