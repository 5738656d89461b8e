"""What was measured: `/v1/experiments/{key}/results`, `/looks`, `/shadows` and so on."""

from importlib.util import find_spec
from time import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from gateway.dialects.kserve_v1 import Error
from gateway.errors import InvalidRequest, NotReady
from gateway.evaluation import history
from gateway.evaluation.disagreement import disagreement_of
from gateway.evaluation.looks import results_of
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
from gateway.shadow.report import reports_of
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
async def results(
    request: Request,
    stack: Admitted,
    fixed_horizon: Annotated[bool, Query(description="whether also to show Welch's t-test, for one look at the planned end")] = False,
) -> Response:
    """What is known of the variants now. The intervals and decisions hold at every look, so that
    whoever looks may stop. With a sample-ratio mismatch every decision is `blocked`.
    """
    if fixed_horizon and find_spec("tea_tasting") is None:
        raise InvalidRequest("fixed_horizon: the gateway has no tea-tasting; install headrace[gateway,evaluation]")
    state = _state(stack)
    one = _one(await stack.control.seen(), request.path_params["key"])
    found = await results_of(state, one, time(), fixed_horizon=fixed_horizon)
    return _json(found.document())


@router.get(
    "/v1/experiments/{key:name}/looks",
    summary="Show what was known at earlier looks",
    responses=documentation.LOOKS,
    openapi_extra=documentation.OF_KEY,
)
async def looks(request: Request, stack: Admitted) -> Response:
    """The intervals of declared metrics and guardrails over time: (low, estimate, high) of the
    difference and of the relative lift. They are kept every ten seconds at first, then less often.
    """
    state = _state(stack)
    key = request.path_params["key"]
    _one(await stack.control.seen(), key)
    return _json({"key": key, "looks": [look.document() for look in await history.kept(state, key)]})


@router.get(
    "/v1/experiments/{key:name}/shadows",
    summary="Show what shadows have shown",
    responses=documentation.SHADOWS,
    openapi_extra=documentation.OF_KEY,
)
async def shadows(request: Request, stack: Admitted) -> Response:
    """How the answers of versions that shadow differ from those that went out, by traffic and by
    distinct text, beside how the answering version differs from itself.
    """
    state = _state(stack)
    key = request.path_params["key"]
    _one(await stack.control.seen(), key)
    return _json({"key": key, "shadows": [report.document() for report in await reports_of(state, key)]})


@router.get(
    "/v1/experiments/{key:name}/disagreement",
    summary="Show effects where answers differ",
    responses=documentation.DISAGREEMENT,
    openapi_extra=documentation.OF_KEY,
)
async def disagreement(request: Request, stack: Admitted) -> Response:
    """The results among the units whose answers differ between the variants, and among those whose
    answers agree, which is an A/A test. All variants must shadow each other with the same share.
    """
    state = _state(stack)
    one = _one(await stack.control.seen(), request.path_params["key"])
    return _json((await disagreement_of(state, one, time())).document())


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
