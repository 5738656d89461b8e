"""`/v1/experiments/{key}/results` and `/check`: what was measured, with the scope experiments."""

from time import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response

from gateway.dialects.kserve_v1 import Error
from gateway.errors import NotReady
from gateway.evaluation.looks import results_of, results_of_file
from gateway.experiments.control import NO_STATE, Seen
from gateway.experiments.definition import Definition
from gateway.experiments.lifecycle import no_such
from gateway.experiments.record import Record
from gateway.measurement.check import check
from gateway.measurement.layout import layout_of
from gateway.measurement.names import Names
from gateway.request.principal import EXPERIMENTS
from gateway.routes.admitted import admitted
from gateway.routes.documentation import experiments as documentation
from gateway.routes.health import NO_STORE
from gateway.stack import Stack
from gateway.state.state import State

Admitted = Annotated[Stack, admitted(EXPERIMENTS)]
router = APIRouter(tags=["experiments"], responses={status: {"model": Error} for status in (401, 403, 429, 503)})


@router.get(
    "/v1/experiments/{key:name}/results",
    summary="Show an experiment's results",
    responses=documentation.RESULTS,
    openapi_extra=documentation.OF_KEY,
)
async def results(request: Request, stack: Admitted) -> Response:
    """What is known of the variants now. The intervals and decisions hold at every look, so that
    whoever looks may stop. With a sample-ratio mismatch every decision is `blocked`.
    """
    state = _state(stack)
    one = _one(await stack.control.seen(), request.path_params["key"])
    found = await (results_of(state, one, time()) if isinstance(one, Record) else results_of_file(state, one, time()))
    return _json(found.document())


@router.get(
    "/v1/experiments/{key:name}/check",
    summary="Check an experiment's sums",
    responses=documentation.CHECK,
    openapi_extra=documentation.OF_KEY,
)
async def check_sums(request: Request, stack: Admitted) -> Response:
    """Make the present epoch's running sums anew from the records of its units, and compare."""
    state = _state(stack)
    one = _one(await stack.control.seen(), request.path_params["key"])
    definition, epoch = (one.definition, one.epoch) if isinstance(one, Record) else (one, 1)
    layout = layout_of(definition)
    checked = await check(state, Names.of(definition.key, epoch, layout), layout)
    ok = None if checked.moved and checked.differing else not checked.differing
    return _json({"key": definition.key, "epoch": epoch, "units": checked.units, "ok": ok, "sentence": checked.sentence})


def _state(stack: Stack) -> State:
    if stack.state is None:
        raise NotReady(NO_STATE)
    return stack.state


def _one(seen: Seen, key: str) -> Record | Definition:
    """The experiment of state, or the definition of the file's."""
    if key in seen.file:
        return seen.file[key]
    if key not in seen.stored.records:
        raise no_such([*seen.file, *seen.stored.records])
    return seen.stored.records[key]


def _json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), headers=NO_STORE, media_type="application/json")
