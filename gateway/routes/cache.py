"""`DELETE /v1/cache…`: the gateway no longer answers with what it has cached."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.cache import generations
from gateway.dialects.kserve_v1 import Error
from gateway.errors import NotFound
from gateway.request.principal import ADMIN
from gateway.routes.admitted import admitted
from gateway.stack import Stack

Admitted = Annotated[Stack, admitted(ADMIN)]


class Deleted(BaseModel):
    """What is answered from the cache no more."""

    deleted: str = Field(description="all, model:…, version:…/… or tenant:…")
    within_s: float = Field(description="in every worker after so many seconds")

    model_config = {"json_schema_extra": {"examples": [{"deleted": "model:topics", "within_s": 1.0}]}}


router = APIRouter(prefix="/v1/cache", tags=["operate"], responses={status: {"model": Error} for status in (401, 403, 404, 429, 503)})


async def _delete(stack: Stack, scope: str) -> Deleted:
    await stack.cache.deletions.delete(scope)
    return Deleted(deleted=scope, within_s=stack.cache.deletions.refresh_s)


def _name_of(stack: Stack, model: str) -> str:
    """The model that an alias stands for; a model that is served no more keeps its name."""
    return stack.catalog.current.name_of(model) if stack.catalog.loaded else model


@router.delete("", summary="Delete everything cached")
async def delete_all(stack: Admitted) -> Deleted:
    """Of all models and tenants."""
    return await _delete(stack, generations.ALL)


@router.delete("/models/{model:name}", summary="Delete what is cached of a model")
async def delete_model(stack: Admitted, model: str) -> Deleted:
    """All versions, for all tenants. The model need not be served any more."""
    return await _delete(stack, generations.model_scope(_name_of(stack, model)))


@router.delete("/models/{model:name}/versions/{version}", summary="Delete what is cached of a version")
async def delete_version(stack: Admitted, model: str, version: int) -> Deleted:
    """For all tenants."""
    return await _delete(stack, generations.version_scope(_name_of(stack, model), version))


@router.delete("/tenants/{tenant}", summary="Delete what is cached for a tenant")
async def delete_tenant(stack: Admitted, tenant: str) -> Deleted:
    """Only a tenant that has a cache of its own; what others share is not told apart."""
    if not stack.cache.policies.isolates(tenant):
        raise NotFound("this tenant has no cache of its own; HEADRACE_CACHE_TENANTS and the cache policies name those that have")
    return await _delete(stack, generations.tenant_scope(tenant))
