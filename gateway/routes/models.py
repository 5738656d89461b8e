"""`GET /v1/models` and `GET /v1/models/{model}`: the catalog."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gateway.dialects import openai
from gateway.dialects.openai_bodies import OpenAIError
from gateway.experiments import assignment
from gateway.routes.admitted import admitted
from gateway.stack import Stack
from model_repository.manifest import Manifest


class Model(BaseModel):
    """A model or an alias as OpenAI lists it; `created` is 0, for it is not known.

    `root` is the name of the model itself, as vLLM has it.
    """

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    root: str


class ModelList(BaseModel):
    """The models' names as KServe v1 lists them (`models`); models and aliases as OpenAI does
    (`object`, `data`).
    """

    models: list[str]
    object: Literal["list"]
    data: list[Model]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "models": ["topics"],
                    "object": "list",
                    "data": [{"id": "topics", "object": "model", "created": 0, "owned_by": "headrace", "root": "topics"}],
                }
            ]
        }
    )


class Version(Manifest):
    """A version's manifest, whether it is ready, and why where it is not."""

    postprocessing: Any = Field(description="the task's settings")
    ready: bool
    reason: str | None = None


class Arm(BaseModel):
    """A variant of an experiment: the version that it shows to the share `weight` of the units that
    take part.
    """

    name: str
    model: str
    version: int
    weight: float


class Experiment(BaseModel):
    """The split of a model's traffic; `coverage` is the share of the units that take part."""

    key: str
    coverage: float
    variants: list[Arm]
    warnings: list[str] = Field(description="what it does that its owner may not expect, such as units that changed their arm")


class ModelDetails(Model):
    """A model with all that is known of its versions."""

    name: str
    ready: bool
    default_version: int
    default_by: str | None = Field(description="the experiment whose promotion made it the default; null: none did")
    promoted_version: int | None
    versions: list[Version]
    experiment: Experiment | None = Field(description="the first of the experiments")
    experiments: list[Experiment] = Field(description="in the order in which they are asked")


Admitted = Annotated[Stack, admitted(None)]
router = APIRouter(tags=["models"], responses={status: {"model": OpenAIError} for status in (401, 429, 503)})


@router.get("/v1/models", summary="List the models")
async def list_models(stack: Admitted) -> ModelList:
    """One answer for two kinds of clients: KServe v1 reads `models`, OpenAI `data`."""
    catalog = stack.catalog.current
    return ModelList.model_validate({"models": sorted(catalog.models), **openai.describe(catalog)})


@router.get("/v1/models/{model:name}", summary="Show a model", responses={200: {"model": ModelDetails}, 404: {"model": OpenAIError}})
async def show_model(stack: Admitted, model: str) -> dict[str, Any]:
    """A model's versions with their manifests (measured quality, sizes, provenance), and its
    experiments; OpenAI's fields beside.
    """
    served = stack.catalog.current.model(model)
    snapshot = stack.experiments.current
    experiments = [_described(one, snapshot.warnings.get(one.key, ())) for one in snapshot.by_model.get(served.name, ())]
    return {
        **openai.describe_model(model, served.name),
        "name": served.name,
        "ready": any(version.ready for version in served.versions.values()),
        "default_version": served.default_version,
        "default_by": served.default.experiment,
        "promoted_version": served.promoted,
        "versions": [
            {**version.manifest.model_dump(mode="json"), "ready": version.ready, **({"reason": version.reason} if version.reason else {})}
            for version in served.versions.values()
        ],
        "experiment": experiments[0] if experiments else None,
        "experiments": experiments,
    }


def _described(experiment: assignment.Experiment, warnings: Sequence[str]) -> dict[str, Any]:
    return {
        "key": experiment.key,
        "coverage": experiment.coverage,
        "variants": [{"name": arm.name, "model": arm.model, "version": arm.version, "weight": arm.weight} for arm in experiment.variants],
        "warnings": list(warnings),
    }
