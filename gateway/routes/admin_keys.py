"""`/v1/admin/keys` and `/v1/admin/tenants`: who may come in, and how much they may ask for.

All of them need a key with the scope admin.
"""

from time import time
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.dialects.kserve_v1 import Error
from gateway.errors import InvalidRequest, NotReady
from gateway.faults import dotted, faults
from gateway.http_server.body import read_json
from gateway.request.context import CONTEXT, RequestContext
from gateway.request.json_types import FIRST_FAULT
from gateway.request.principal import ADMIN, DEFAULT_SCOPES, parse_scopes
from gateway.request.rate_limits import NAMES, RateLimits
from gateway.routes.admitted import admitted
from gateway.routes.documentation.schema import schema_of
from gateway.routes.health import NO_STORE
from gateway.security.api_keys import MAX_LIFE_S, make, require_tenant
from gateway.security.key_store import KeyStore
from gateway.stack import Stack, stack_of

Body = TypeVar("Body", bound=BaseModel)
DEFAULT_GRACE_S = 86_400.0
_RESPONSES: dict[int | str, dict[str, Any]] = {status: {"model": Error} for status in (400, 401, 403, 404, 408, 409, 413, 422, 429, 503)}
router = APIRouter(tags=["administer"], responses=_RESPONSES)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class LimitsBody(_Body):
    """Limits; what is left out is as the settings say."""

    requests_per_s: float | None = Field(None, gt=0)
    requests_burst: float | None = Field(None, gt=0)
    items_per_s: float | None = Field(None, gt=0)
    items_burst: float | None = Field(None, gt=0)
    requests_per_day: float | None = Field(None, gt=0)
    items_per_day: float | None = Field(None, gt=0)


class CreateBody(_Body):
    """A new key."""

    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
    scopes: Annotated[list[str], FIRST_FAULT] = Field(default_factory=lambda: sorted(DEFAULT_SCOPES), min_length=1, max_length=100)
    expires_in_s: float | None = Field(None, gt=0, le=MAX_LIFE_S, description="life of the key, seconds; none: until it is revoked")
    note: Annotated[str, Field(max_length=200)] = ""
    limits: LimitsBody = Field(default_factory=LimitsBody)


class RotateBody(_Body):
    """How long the old key goes on."""

    grace_s: float = Field(DEFAULT_GRACE_S, ge=0, le=MAX_LIFE_S)


def _in_path(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string", "minLength": 1}}


_KEY_ID = {"parameters": [_in_path("key_id", "the key's id, as the list shows it")]}
_TENANT = {"parameters": [_in_path("tenant", "the tenant's name")]}


def _documentation(body: type[BaseModel]) -> dict[str, Any]:
    # not `json_body`: clients may leave out the body where they may leave out all its fields
    return {"requestBody": {"content": {"application/json": {"schema": schema_of(body)}}}}


async def _store(stack: Annotated[Stack, admitted(ADMIN)]) -> KeyStore:
    if stack.keys is None:
        raise NotReady("keys are kept in Redis and there is none: set HEADRACE_STATE_URL")
    return stack.keys


Store = Annotated[KeyStore, Depends(_store)]


@router.get("/v1/admin/keys", summary="List the API keys")
async def list_keys(store: Store) -> Response:
    """All keys with their ids, tenants, scopes and states; never the keys themselves."""
    now = time()
    return _json({"keys": [key.shown(now) for key in await store.list_keys()]})


@router.post("/v1/admin/keys", summary="Make an API key", status_code=201, openapi_extra=_documentation(CreateBody))
async def create_key(request: Request, store: Store) -> Response:
    """Make a key. The answer shows it, once: only its sha256 is kept."""
    body = await _read(request, CreateBody)
    now = time()
    expires_at = None if body.expires_in_s is None else now + body.expires_in_s
    try:
        new = make(
            body.tenant,
            parse_scopes(body.scopes),
            now,
            expires_at=expires_at,
            limits=RateLimits(**body.limits.model_dump()),
            note=body.note,
        )
    except ValueError as exc:
        raise InvalidRequest(str(exc)) from exc
    await store.create(new)
    return _json({"api_key": new.text, **new.key.shown(now)}, 201)


@router.post(
    "/v1/admin/keys/{key_id}/rotate", summary="Rotate an API key", status_code=201, openapi_extra=_KEY_ID | _documentation(RotateBody)
)
async def rotate_key(request: Request, store: Store) -> Response:
    """Make a key with the same tenant, scopes and limits; the old one goes on for `grace_s`
    seconds.
    """
    body = await _read(request, RotateBody)
    now = time()
    new = await store.rotate(request.path_params["key_id"], now, body.grace_s)
    return _json({"api_key": new.text, **new.key.shown(now)}, 201)


@router.delete("/v1/admin/keys/{key_id}", summary="Revoke an API key", openapi_extra=_KEY_ID)
async def revoke_key(request: Request, store: Store) -> Response:
    """Revoke a key; every gateway knows it within `HEADRACE_KEY_REFRESH_S` seconds."""
    now = time()
    return _json((await store.revoke(request.path_params["key_id"], now)).shown(now))


@router.put("/v1/admin/tenants/{tenant}/limits", summary="Limit a tenant", openapi_extra=_TENANT | _documentation(LimitsBody))
async def limit_tenant(request: Request, store: Store) -> Response:
    """Set what all keys and tokens of a tenant may ask for together; it takes the place of what was
    set before.
    """
    body, tenant = await _read(request, LimitsBody), request.path_params["tenant"]
    try:
        limits = RateLimits(**{name: getattr(body, name) for name in NAMES})
        require_tenant(tenant)
    except ValueError as exc:
        raise InvalidRequest(str(exc)) from exc
    await store.limit_tenant(tenant, limits)
    return _json({"tenant": tenant, "limits": limits.given()})


async def _read(request: Request, body: type[Body]) -> Body:
    ctx: RequestContext = request.scope[CONTEXT]
    raw = await read_json(request, ctx, stack_of(request.app).request_limits.body)
    try:
        return body.model_validate_json(raw or b"{}")
    except ValidationError as exc:
        # `from None`: the library's error quotes what the client sent
        fault = faults(exc)[0]
        place = "a field that is not known" if fault.unknown_field else dotted(fault.place)
        raise InvalidRequest(f"{place or 'the body'}: {fault.message}") from None


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, NO_STORE, "application/json")
