"""`/`, `/livez`, `/readyz`, `/metrics`."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.observability import metrics
from gateway.stack import stack_of

router = APIRouter(tags=["operate"])
NO_STORE = {"Cache-Control": "no-store"}


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"]


class Checks(BaseModel):
    """Each part: `ok`, or what is wrong with it."""

    triton: str
    cache: str = Field(description="none where no cache is configured")
    state: str = Field(description="none where keys and limits are not kept in Redis; also why the server is not fit to keep them")
    state_durability: str = Field(description="whether state may lose what it acknowledged, and what to change then; none as above")
    auth: str = Field(description="on, or off: everyone may ask")
    experiments: str = Field(description="a fault of the file, of which the last good contents stay in force")
    runtime_settings: str = Field(description="a fault of the file, of which the last good contents stay in force")


class Readiness(BaseModel):
    """Whether it can answer, and how its parts are."""

    status: Literal["ready", "starting", "draining"]
    checks: Checks

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "checks": {
                        "triton": "ok",
                        "cache": "ok",
                        "state": "ok",
                        "state_durability": "each write is on disk before it is acknowledged",
                        "auth": "on",
                        "experiments": "ok",
                        "runtime_settings": "ok",
                    },
                }
            ]
        }
    )


@router.get(
    "/",
    summary="Is it alive? For people, the documentation",
    response_model=Alive,
    responses={307: {"description": "a browser, which accepts text/html, is led to /docs"}},
)
async def root(request: Request) -> Response:
    """Alive as soon as it answers, as KServe's and TEI's clients ask for it."""
    headers = {**NO_STORE, "Vary": "Accept"}
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("docs", headers=headers)  # relative: a proxy may have it under a path of its own
    return JSONResponse({"status": "alive"}, headers=headers)


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Alive:
    """Alive as soon as it answers."""
    return Alive(status="alive")


@router.get(
    "/readyz",
    summary="Can it answer?",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "no catalog has been read yet, or this gateway is leaving"}},
)
async def readyz(request: Request) -> Response:
    """Ready once a catalog was read. While Triton is gone it stays ready, since it answers what is
    cached; `checks` says so.
    """
    stack = stack_of(request.app)
    draining = stack.drain.draining
    ready = stack.ready
    checks = {
        "triton": stack.catalog.fault or "ok",
        "cache": stack.cache.state,
        "state": "none" if stack.state is None else (stack.state.fault or "ok") if stack.state.up else "does not answer",
        "state_durability": "none" if stack.state is None else stack.state.durability.shown,
        "auth": "on" if stack.door.guarded else "off: everyone may ask",
        "experiments": stack.experiments.current.fault or "ok",
        "runtime_settings": stack.runtime.fault or "ok",
    }
    status = "ready" if ready else "draining" if draining else "starting"
    return JSONResponse({"status": status, "checks": checks}, 200 if ready else 503, NO_STORE)


_EXPOSITION = {"schema": {"type": "string"}, "example": 'headrace_requests_total{model="topics",status="200"} 1.0\n'}


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": _EXPOSITION, metrics.OPEN_METRICS: _EXPOSITION}}},
)
def exposition(request: Request) -> Response:
    """All metrics, over all workers; in OpenMetrics with traces as examples where `Accept` asks for
    it.
    """
    # FastAPI runs this in a thread, off the event loop: with many workers it reads all their files
    content, media_type = metrics.exposition(request.headers.get("accept", ""))
    return Response(content, headers={"Content-Type": media_type, **NO_STORE})
