"""`GET /v1/models` and `GET /v1/models/{model}`: the catalog."""

from typing import Any

from fastapi import APIRouter, Depends, Request

from gateway.context import RequestContext
from gateway.dialects.kserve_v1 import Error
from gateway.observe import CONTEXT
from gateway.stack import Stack


async def _enter(request: Request) -> None:
    stack: Stack = request.app.state.stack
    ctx: RequestContext = request.scope[CONTEXT]
    await stack.door.enter(ctx, scope=None)


router = APIRouter(tags=["models"], dependencies=[Depends(_enter)], responses={401: {"model": Error}, 503: {"model": Error}})


@router.get("/v1/models", summary="List the models")
async def list_models(request: Request) -> dict[str, list[str]]:
    """The models' names, as KServe v1 lists them."""
    stack: Stack = request.app.state.stack
    return {"models": sorted(stack.catalog.current.models)}


@router.get("/v1/models/{model:name}", summary="Show a model", responses={404: {"model": Error}})
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
