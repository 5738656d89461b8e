"""`/v1/outcomes`: what became of units after they were answered, with the scope feedback."""

from time import time
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.dialects.json_body import parse
from gateway.dialects.kserve_v1 import Error
from gateway.errors import NotReady
from gateway.experiments.placement import unit_hash
from gateway.http_server.body import read_json
from gateway.measurement.outcomes import MAX_VALUE, Outcome
from gateway.request.context import CONTEXT, RequestContext
from gateway.request.principal import FEEDBACK
from gateway.routes.admitted import admitted
from gateway.routes.documentation.schema import schema_of
from gateway.routes.health import NO_STORE
from gateway.stack import Stack

Admitted = Annotated[Stack, admitted(FEEDBACK)]
router = APIRouter(tags=["experiments"], responses={status: {"model": Error} for status in (401, 403, 429, 503)})
MAX_OUTCOMES: Final = 1000
_ERRORS = {400: "not JSON", 408: "the body did not come in time", 413: "the body is too large", 422: "not such outcomes"}


class OutcomeBody(BaseModel):
    """A unit's value under a metric's name.

    `unit` is as in X-Unit-ID. The same `key` again changes nothing, for at least 30 days. `at` is
    in seconds since 1970; without it, now.
    """

    model_config = ConfigDict(extra="forbid")

    unit: str = Field(min_length=1, max_length=256)
    metric: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")
    value: float = Field(ge=-MAX_VALUE, le=MAX_VALUE)
    key: str = Field(min_length=1, max_length=256)
    at: float | None = Field(None, ge=0, le=1e11)


class OutcomesBody(BaseModel):
    """Outcomes, which may be of several units and metrics."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"outcomes": [{"unit": "user-42", "metric": "click", "value": 1, "key": "click-9f3a"}]}]},
    )

    outcomes: list[OutcomeBody] = Field(min_length=1, max_length=MAX_OUTCOMES, fail_fast=True)


_BODY: Final = TypeAdapter(OutcomesBody)
_STORED: Final = {
    "description": "how many were stored, and how many were known by their keys",
    "content": {"application/json": {"example": {"stored": 1, "known": 0}}},
}


@router.post(
    "/v1/outcomes",
    summary="Tell what became of units",
    responses={200: _STORED, **{status: {"model": Error, "description": text} for status, text in _ERRORS.items()}},
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": schema_of(OutcomesBody)}}}},
)
async def post_outcomes(request: Request, stack: Admitted) -> Response:
    """Count outcomes in the experiments whose metrics they are, for the units that were exposed.

    What is answered is stored. An outcome whose key is known changes nothing. One of a unit or a
    metric of no experiment is neither stored nor known, and may be sent again.
    """
    ctx: RequestContext = request.scope[CONTEXT]
    if not stack.door.guarded:
        stack.unguarded.require(ctx.headers)
    body = parse(_BODY, await read_json(request, ctx, stack.request_limits.body))
    if stack.exposures is None or stack.outcomes is None:
        raise NotReady("outcomes are kept in state and there is none: set HEADRACE_STATE_URL")
    # an outcome may follow its answer at once, and its unit must be known by then
    await stack.exposures.flush()
    now = time()
    counted = await stack.outcomes.add(
        [Outcome(unit_hash(one.unit), one.metric, one.value, one.key, now if one.at is None else one.at) for one in body.outcomes]
    )
    return Response(orjson.dumps(counted._asdict()), 200, NO_STORE, "application/json")
