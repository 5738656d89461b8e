"""`POST /v1/models/{model}:predictStream`: for each input line an output line, in the same order.

An input line is an instance; its output line is a prediction or an error.

lines ──▶ LineStream ──▶ LinePredictions ──▶ PacedPredictions ──▶ Call.predict_part
"""

from functools import partial

from fastapi import APIRouter, Request, Response

from gateway.calls.call import Call
from gateway.concurrency.pace import Pace
from gateway.dialects import ndjson
from gateway.dialects.whole_number import whole_number
from gateway.errors import InvalidRequest
from gateway.request.json_limits import require_within
from gateway.request.priority import Priority
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation import predict_stream as documentation
from gateway.routes.line_predictions import LinePredictions
from gateway.routes.line_stream import LineStream
from gateway.routes.paced_predictions import PacedPredictions
from gateway.tasks import task_of
from gateway.tasks.task import require_parameters

router = APIRouter(route_class=DirectRoute, tags=["predict"])


@router.post(
    "/v1/models/{model:name}:predictStream",
    summary="Predict a stream of lines",
    response_class=Response,
    responses=documentation.RESPONSES,
    openapi_extra=documentation.REQUEST,
)
async def predict_stream(request: Request) -> Response:
    """Any number of instances, one a line, by one version. Answers come while lines are sent: read
    while sending.

    X-Request-Timeout-Ms is each line's, and so is the limit of a body's size; the whole has
    neither. The key is checked at each line: a stream ends when its key does.
    """
    call = await Call.enter(request)
    limits = call.stack.request_limits
    given = request.query_params.get("parameters", "{}")
    require_within(given.encode(), "the JSON of parameters", limits.body.json)
    parameters = ndjson.parse_parameters(given)
    lane = call.assign(request.path_params["model"], _version(request.query_params.get("version")))
    require_parameters(task_of(lane.manifest), lane.manifest.task, parameters)
    # a stream yields to requests unless X-Priority says another priority
    predict = partial(call.predict_part, priority=call.priority(Priority.BATCH))
    paced = PacedPredictions(predict, Pace(limits.stream_window), call.timeout_s)
    lines = LinePredictions(call, parameters, paced.predict)
    return LineStream(request, call.ctx, limits, lines.line_out, call.check)


def _version(given: str | None) -> int | None:
    if given is None:
        return None
    if not (version := whole_number(given)):
        raise InvalidRequest("version: must be a whole number of at least 1")
    return version
