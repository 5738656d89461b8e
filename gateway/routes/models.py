"""`GET /v1/models` and `GET /v1/models/{model}`: the catalog."""

from typing import Any

from fastapi import APIRouter, Depends, Request

from gateway.context import RequestContext
from gateway.dialects.kserve_v1 import Error
from gateway.observe import CONTEXT
from gateway.routes.documentation import BEARER
from gateway.stack import Stack


def _authenticate(request: Request) -> None:
    stack: Stack = request.app.state.stack
    ctx: RequestContext = request.scope[CONTEXT]
    ctx.tenant = stack.authenticator.tenant(request.headers.get("authorization"))


router = APIRouter(tags=["models"], dependencies=[BEARER, Depends(_authenticate)], responses={401: {"model": Error}, 503: {"model": Error}})


_EXAMPLE = {
    "name": "topics",
    "ready": True,
    "default_version": 2,
    "promoted_version": None,
    "versions": [{"model": "topics", "version": 2, "task": "text-classification", "labels": ["crude", "earn"], "ready": True}],
    "experiment": {"key": "topics-lora", "coverage": 1.0, "variants": [{"name": "control", "version": 1, "weight": 0.5}]},
}


def _answers(example: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"example": example}}}


@router.get("/v1/models", summary="List the models", responses={200: _answers({"models": ["topics"]})})
async def list_models(request: Request) -> dict[str, list[str]]:
    """The models' names, as KServe v1 lists them."""
    stack: Stack = request.app.state.stack
    return {"models": sorted(stack.catalog.current.models)}


@router.get("/v1/models/{model:name}", summary="Show a model", responses={200: _answers(_EXAMPLE), 404: {"model": Error}})
async def show_model(request: Request, model: str) -> dict[str, Any]:
    """A model's versions with their manifests (measured quality, sizes, provenance), and its experiment."""
    stack: Stack = request.app.state.stack
    served = stack.catalog.current.model(model)
    experiment = stack.experiments.by_model.get(model)
    return {
        "name": served.name,
        "ready": any(version.ready for version in served.versions.values()),
        "default_version": served.default_version,
        "promoted_version": served.promoted,
        "versions": [
            {**version.manifest.model_dump(mode="json"), "ready": version.ready, **({"reason": version.reason} if version.reason else {})}
            for version in served.versions.values()
        ],
        "experiment": experiment
        and {
            "key": experiment.key,
            "coverage": experiment.coverage,
            "variants": [{"name": arm.name, "version": arm.version, "weight": arm.weight} for arm in experiment.variants],
        },
    }
