"""`/v1/experiments`: make, change, start and end experiments, with the scope experiments."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from gateway.dialects.kserve_v1 import Error
from gateway.errors import InvalidRequest, MalformedRequest
from gateway.experiments.control import Action, ControlPlane, tag
from gateway.experiments.definition import Definition, DefinitionError, read
from gateway.experiments.lifecycle import no_such
from gateway.experiments.record import READ_ONLY, Record, promotion_document
from gateway.experiments.store import MAX_EVENTS, Event
from gateway.http_server.body import read_json
from gateway.request.context import CONTEXT, RequestContext
from gateway.request.preconditions import Preconditions
from gateway.request.principal import EXPERIMENTS
from gateway.routes.admitted import admitted
from gateway.routes.documentation import experiments as documentation
from gateway.routes.health import NO_STORE
from gateway.security.unguarded import SAID
from gateway.stack import Stack, stack_of

Admitted = Annotated[Stack, admitted(EXPERIMENTS)]
router = APIRouter(tags=["experiments"], responses={status: {"model": Error} for status in (401, 403, 429, 503)})


async def _changing(request: Request, stack: Admitted) -> ControlPlane:
    """The control plane, for a caller that may change experiments."""
    if not stack.door.guarded:
        ctx: RequestContext = request.scope[CONTEXT]
        stack.unguarded.require(ctx.headers)
    return stack.control


Changing = Annotated[ControlPlane, Depends(_changing)]


@router.get("/v1/experiments", summary="List the experiments", responses=documentation.LIST)
async def list_experiments(stack: Admitted) -> Response:
    """All experiments: those of the file (`managed_by` file), which are changed there, and those of
    state. While state is gone they are as they were read last (`stale`).
    """
    seen = await stack.control.seen()
    shown = [_shown_of_file(stack, definition) for definition in seen.file.values()]
    shown += [_shown(stack, record) for record in seen.stored.records.values() if record.key not in seen.file]
    stale = {"stale": True} if seen.stale else {}
    return _json({"experiments": shown, "auth": "on" if stack.door.guarded else SAID, **stale})


@router.get("/v1/experiments/{key:name}", summary="Show an experiment", responses=documentation.SHOW, openapi_extra=documentation.OF_KEY)
async def show_experiment(request: Request, stack: Admitted) -> Response:
    """An experiment's definition and what became of it. `ETag` names this version of it."""
    key = request.path_params["key"]
    seen = await stack.control.seen()
    if key in seen.file:
        return _json(_shown_of_file(stack, seen.file[key]))
    if key not in seen.stored.records:
        raise no_such([*seen.file, *seen.stored.records])
    return _of_record(stack, seen.stored.records[key])


@router.put(
    "/v1/experiments/{key:name}", summary="Make or change an experiment", responses=documentation.PUT, openapi_extra=documentation.PUT_BODY
)
async def put_experiment(request: Request, stack: Admitted, control: Changing) -> Response:
    """Make an experiment, which is then a draft, or change the definition of one, for which
    `If-Match` must hold its `ETag`. After its start, other variants, weights, conditions or
    namespaces open a new epoch, and metrics stay as they are.
    """
    given = await _object(request)
    definition, status = _definition(request.path_params["key"], given)
    record, made = await control.put(definition, _by(request, stack), _preconditions(request), status)
    return _of_record(stack, record, 201 if made else 200)


@router.delete(
    "/v1/experiments/{key:name}",
    summary="Delete an experiment",
    status_code=204,
    responses=documentation.DELETE,
    openapi_extra=documentation.CHANGE,
)
async def delete_experiment(request: Request, stack: Admitted, control: Changing) -> Response:
    """Forget an experiment that is a draft or stopped; its events stay."""
    await control.delete(request.path_params["key"], _by(request, stack), _preconditions(request))
    return Response(status_code=204, headers=NO_STORE)


@router.post(
    "/v1/experiments/{key:name}:start", summary="Start an experiment", responses=documentation.ACT, openapi_extra=documentation.CHANGE
)
async def start_experiment(request: Request, stack: Admitted, control: Changing) -> Response:
    """Let a draft, or one that is paused, assign units; every gateway does within two seconds."""
    return await _act(request, stack, control, "start")


@router.post(
    "/v1/experiments/{key:name}:pause", summary="Pause an experiment", responses=documentation.ACT, openapi_extra=documentation.CHANGE
)
async def pause_experiment(request: Request, stack: Admitted, control: Changing) -> Response:
    """Assign no units for a while: the model's default version answers. After `:start` units are in
    the arms that they were in.
    """
    return await _act(request, stack, control, "pause")


@router.post(
    "/v1/experiments/{key:name}:stop", summary="Stop an experiment", responses=documentation.ACT, openapi_extra=documentation.CHANGE
)
async def stop_experiment(request: Request, stack: Admitted, control: Changing) -> Response:
    """End an experiment for good: its results stay, and another on the same model may start."""
    return await _act(request, stack, control, "stop")


class Winner(BaseModel):
    """Which variant is promoted; it may be left out where only one is not the control."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"variant": "treatment"}]})

    variant: str | None = None


@router.post(
    "/v1/experiments/{key:name}:promote",
    summary="Promote a variant",
    responses=documentation.ACT,
    openapi_extra=documentation.promoting(Winner),
)
async def promote_variant(request: Request, stack: Admitted, control: Changing) -> Response:
    """Make a variant's version the default of its model on every gateway, and end the experiment.
    The default before is remembered for `:rollback`.
    """
    given = await _object(request)
    unknown = given.keys() - {"variant"}
    if unknown or not isinstance(given.get("variant"), str | None):
        raise InvalidRequest('the body must be an object such as {"variant": "treatment"}')
    return await _act(request, stack, control, "promote", given.get("variant"))


@router.post(
    "/v1/experiments/{key:name}:rollback", summary="Roll a promotion back", responses=documentation.ACT, openapi_extra=documentation.CHANGE
)
async def roll_back(request: Request, stack: Admitted, control: Changing) -> Response:
    """Make the version the model's default again that was it before the experiment's promotion."""
    return await _act(request, stack, control, "rollback")


@router.post(
    "/v1/experiments/{key:name}:approve", summary="Approve a step", responses=documentation.ACT, openapi_extra=documentation.CHANGE
)
async def approve_step(request: Request, stack: Admitted, control: Changing) -> Response:
    """Allow the next step of a ramp whose present one asks for approval."""
    return await _act(request, stack, control, "approve")


@router.get(
    "/v1/experiments/{key:name}/events",
    summary="Show what was done to an experiment",
    responses=documentation.EVENTS,
    openapi_extra=documentation.OF_KEY,
)
async def events(
    request: Request,
    stack: Admitted,
    after: Annotated[str, Query(description="the id of the last event that is known; empty: from the first")] = "",
    count: Annotated[int, Query(ge=1, le=MAX_EVENTS, description="at most so many")] = MAX_EVENTS,
) -> Response:
    """Who did what and when, oldest first, with what the experiment was before and after. The
    newest 1000 are kept, also of an experiment that was deleted.
    """
    try:
        found = await stack.control.events(request.path_params["key"], after, count)
    except ValueError as exc:
        raise InvalidRequest(f"after: {exc}") from exc
    return _json({"events": [_shown_event(event) for event in found]})


async def _act(request: Request, stack: Stack, control: ControlPlane, action: Action, variant: str | None = None) -> Response:
    record = await control.act(request.path_params["key"], action, _by(request, stack), _preconditions(request), variant)
    return _of_record(stack, record)


async def _object(request: Request) -> dict[str, Any]:
    """The body, a JSON object; one that is left out is an empty one."""
    ctx: RequestContext = request.scope[CONTEXT]
    raw = await read_json(request, ctx, stack_of(request.app).request_limits.body)
    try:
        given = orjson.loads(raw or b"{}")
    except ValueError as exc:
        raise MalformedRequest(f"the body is not JSON in UTF-8: {exc}") from None
    if not isinstance(given, dict):
        raise InvalidRequest("the body must be a JSON object; see /docs")
    return given


def _definition(key: str, given: dict[str, Any]) -> tuple[Definition, str | None]:
    """The definition in a body, and the status that the client takes the experiment to have."""
    if given.setdefault("key", key) != key:
        raise InvalidRequest(f"key: must be {key}, as in the path")
    status = given.get("status")
    try:
        return read({name: value for name, value in given.items() if name not in READ_ONLY}), None if status is None else str(status)
    except DefinitionError as exc:
        raise InvalidRequest(str(exc)) from None


def _preconditions(request: Request) -> Preconditions:
    headers = request.scope[CONTEXT].headers
    return Preconditions(headers.get("if-match"), headers.get("if-none-match"))


def _by(request: Request, stack: Stack) -> str:
    """Who asks, as the audit names it: a tenant and its key or its token's subject."""
    principal = request.scope[CONTEXT].principal
    return f"{principal.tenant}/{principal.id}" if stack.door.guarded else "anyone (authentication is off)"


def _of_record(stack: Stack, record: Record, status: int = 200) -> Response:
    return _json(_shown(stack, record), status, {"ETag": tag(record)})


def _shown(stack: Stack, record: Record) -> dict[str, Any]:
    return {
        **record.definition.document(),
        "status": record.status,
        "epoch": record.epoch,
        "epochs": [epoch.document() for epoch in record.epochs],
        "revision": record.revision,
        "managed_by": "state",
        "created_at": record.created_at,
        "changed_at": record.changed_at,
        "started_at": record.started_at,
        "stopped_at": record.stopped_at,
        "promotion": record.promotion and promotion_document(record.promotion),
        "ramp_state": record.ramp and {**asdict(record.ramp), "coverage": record.coverage},
        "warnings": _warnings(stack, record.definition),
    }


def _shown_of_file(stack: Stack, definition: Definition) -> dict[str, Any]:
    return {
        **definition.document(),
        "status": "running",
        "epoch": 1,
        "managed_by": "file",
        "warnings": _warnings(stack, definition),
    }


def _warnings(stack: Stack, definition: Definition) -> list[str]:
    return [*stack.experiments.current.warnings.get(definition.key, ()), *_not_served(stack, definition)]


def _not_served(stack: Stack, definition: Definition) -> Iterator[str]:
    models = stack.catalog.current.models if stack.catalog.loaded else {}
    if models and definition.asked_model not in models:
        yield f"there is no model {definition.asked_model}, so nobody takes part; there are: {', '.join(sorted(models))}"
        return
    for variant in definition.variants if models else ():
        served = models.get(definition.model_of(variant))
        if served is None or variant.version not in served.versions:
            yield f"variant {variant.name}: there is no version {variant.version} of {definition.model_of(variant)}; the control answers"


def _shown_event(event: Event) -> dict[str, Any]:
    return {"id": event.id, "at": event.at, "by": event.by, "action": event.action, "before": event.before, "after": event.after}


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, {**NO_STORE, **(headers or {})}, "application/json")
