"""`/livez`, `/readyz`, `/metrics`."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway import metrics
from gateway.stack import Stack

router = APIRouter(tags=["operate"])
NO_STORE = {"Cache-Control": "no-store"}


@router.get("/livez", summary="Is the process alive?")
async def livez() -> dict[str, str]:
    """Alive as soon as it answers."""
    return {"status": "alive"}


@router.get(
    "/readyz", summary="Can it answer?", responses={503: {"description": "no catalog has been read yet, or this gateway is leaving"}}
)
async def readyz(request: Request) -> Response:
    """Ready once a catalog was read. While Triton is gone it stays ready, since it answers what is cached; `checks` says so."""
    stack: Stack = request.app.state.stack
    draining = stack.drain.draining
    ready = stack.ready
    checks = {
        "triton": stack.catalog.fault or "ok",
        "cache": stack.cache.state,
        "state": "none" if stack.state is None else "ok" if stack.state.up else "does not answer",
        "auth": "on" if stack.door.guarded else "off: everyone may ask",
        "experiments": stack.experiments.fault or "ok",
    }
    status = "ready" if ready else "draining" if draining else "starting"
    return JSONResponse({"status": status, "checks": checks}, 200 if ready else 503, NO_STORE)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def exposition() -> Response:
    """All metrics, over all workers."""
    content, media_type = metrics.exposition()
    return Response(content, media_type=media_type, headers=NO_STORE)
