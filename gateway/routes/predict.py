"""`POST /v1/models/{model}:predict`."""

from fastapi import APIRouter, Request, Response

from gateway.dialects import kserve_v1
from gateway.dialects.json_body import schema_of
from gateway.routes.call import Call, age_header
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation import MODEL, REQUEST_HEADERS, json_body, responses
from gateway.tasks import task_of

router = APIRouter(route_class=DirectRoute, tags=["predict"])


_DOCUMENTATION = {"requestBody": json_body(schema_of(kserve_v1.PredictBody)), "parameters": [MODEL, *REQUEST_HEADERS]}


@router.post(
    "/v1/models/{model:name}:predict",
    summary="Predict",
    responses=responses(kserve_v1.PredictResponse, kserve_v1.Error),
    openapi_extra=_DOCUMENTATION,
)
async def predict(request: Request) -> Response:
    """Answer 1 to 64 instances. The version is the one asked for, else the one of the unit's variant, else the model's default."""
    call = await Call.enter(request)
    body = kserve_v1.parse(await call.json())
    call.ctx.instances = len(body.instances)
    lane = call.assign(request.path_params["model"], body.version)
    task = task_of(lane.manifest)
    items = kserve_v1.items(body, lane.manifest.task, task, call.stack.limits.max_text_bytes)
    prediction = await call.predict(lane, [item for one in items for item in one])
    rendered = kserve_v1.render(prediction, task, kserve_v1.given(body.parameters), [len(one) for one in items])
    return Response(rendered, media_type="application/json", headers=age_header(prediction))
