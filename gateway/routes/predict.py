"""`POST /v1/models/{model}:predict`."""

from functools import partial

from fastapi import APIRouter, Request, Response

from gateway.cache.key import entity_tag
from gateway.calls.call import Call, age_header
from gateway.dialects import kserve_v1
from gateway.dialects.rendered import Rendered
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation.openapi import ETAG, IF_NONE_MATCH, MODEL, REQUEST_HEADERS, json_body, responses
from gateway.routes.documentation.schema import schema_of
from gateway.tasks import task_of

router = APIRouter(route_class=DirectRoute, tags=["predict"])
_RENDERED = Rendered()
_DOCUMENTATION = {"requestBody": json_body(schema_of(kserve_v1.PredictBody)), "parameters": [MODEL, *REQUEST_HEADERS, IF_NONE_MATCH]}
_RESPONSES = responses(kserve_v1.PredictResponse, kserve_v1.Error, headers=ETAG) | {
    304: {"description": "the client has this answer already"}
}


@router.post("/v1/models/{model:name}:predict", summary="Predict", responses=_RESPONSES, openapi_extra=_DOCUMENTATION)
async def predict(request: Request) -> Response:
    """Answer one or more instances. The version is the one asked for, else the one of the unit's
    variant, else the model's default.
    """
    call = await Call.enter(request)
    body = kserve_v1.parse(await call.json())
    call.ctx.instances = len(body.instances)
    lane = call.assign(request.path_params["model"], body.version)
    task = task_of(lane.manifest)
    items = kserve_v1.items(body, lane.manifest.task, task, call.stack.request_limits.max_text_bytes)
    flat = [item for one in items for item in one]
    sizes, parameters = [len(one) for one in items], kserve_v1.given(body.parameters)
    keys = call.keys(lane, flat)
    shown = kserve_v1.shown(sizes, parameters)
    tag = entity_tag(keys, shown)
    if call.not_modified(tag):
        return Response(status_code=304, headers={"ETag": tag})
    prediction = await call.predict(lane, flat, keys=keys)
    render = partial(kserve_v1.render, prediction, task, parameters, sizes)
    body_json = _RENDERED.body(lane.manifest.digest, prediction.rows, shown, render)
    return Response(body_json, media_type="application/json", headers={"ETag": tag, **age_header(prediction)})
