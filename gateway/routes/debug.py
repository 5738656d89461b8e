"""`GET /debug/config`: what is in force in the worker that answers, and where it comes from."""

import os
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.dialects.kserve_v1 import Error
from gateway.observability import otel_variables
from gateway.request.principal import ADMIN
from gateway.routes.admitted import admitted
from gateway.routes.health import NO_STORE
from gateway.stack import Stack

Admitted = Annotated[Stack, admitted(ADMIN)]
router = APIRouter(tags=["operate"], responses={status: {"model": Error} for status in (401, 403, 429, 503)})


class Setting(BaseModel):
    """A setting's value and where it comes from."""

    value: Any = Field(description="secrets are ***")
    source: str = Field(description="environment or default")


class WatchedState(BaseModel):
    """A watched file: what is in force, and why the file as it stands is not, where that is so."""

    in_force: Any
    fault: str | None


class CatalogState(BaseModel):
    """The catalog: versions by model as `ready` or why not, and why it could not be read lately,
    where that is so.
    """

    models: dict[str, dict[str, str]]
    fault: str | None


class Config(BaseModel):
    """A worker's configuration."""

    version: str = Field(description="of the gateway")
    pid: int = Field(description="of the worker that answers")
    settings: dict[str, Setting]
    runtime: WatchedState
    limits: dict[str, Any] = Field(description="of requests, as in force now")
    experiments: WatchedState
    catalog: CatalogState
    tracing: bool = Field(description="whether traces are made")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "0.1.0",
                    "pid": 4711,
                    "settings": {"cache_url": {"value": "redis://:***@cache:6379/0", "source": "environment"}},
                    "runtime": {"in_force": {"log_level": "debug"}, "fault": None},
                    "limits": {"body": {"max_bytes": 8388608}, "max_text_bytes": 131072, "request_timeout_s": 10},
                    "experiments": {"in_force": {"topics": ["topics-lora"]}, "fault": None},
                    "catalog": {"models": {"topics": {"1": "ready", "2": "ready"}}, "fault": None},
                    "tracing": False,
                }
            ]
        }
    )


@router.get("/debug/config", summary="Show the configuration in force")
async def config(request: Request, response: Response, stack: Admitted) -> Config:
    """The settings with their sources, secrets masked; the runtime settings, limits, experiments
    and catalog of the worker that answers.
    """
    response.headers.update(NO_STORE)
    models = stack.catalog.current.models if stack.catalog.loaded else {}
    return Config(
        version=request.app.version,
        pid=os.getpid(),
        settings={name: Setting(**shown) for name, shown in stack.settings.items()},
        runtime=WatchedState(in_force=stack.runtime.current.model_dump(exclude_unset=True), fault=stack.runtime.fault),
        limits=asdict(stack.request_limits),
        experiments=WatchedState(
            in_force={model: [one.key for one in experiments] for model, experiments in stack.experiments.current.by_model.items()},
            fault=stack.experiments.current.fault,
        ),
        catalog=CatalogState(
            models={
                name: {str(number): "ready" if version.ready else version.reason for number, version in model.versions.items()}
                for name, model in models.items()
            },
            fault=stack.catalog.fault,
        ),
        tracing=otel_variables.asked_for(os.environ),
    )
