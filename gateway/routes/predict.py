"""`POST /v1/models/{model}:predict`."""

import asyncio
import math
import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.context import RequestContext
from gateway.dialects import kserve_v1
from gateway.errors import MalformedRequest, TooLarge
from gateway.observe import CONTEXT
from gateway.prediction import PredictionRequest
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation import BEARER
from gateway.stack import Stack

router = APIRouter(route_class=DirectRoute, tags=["predict"], dependencies=[BEARER])
MAX_UNIT_CHARS = 256
_UNIT = re.compile(rf"[\x20-\x7e]{{1,{MAX_UNIT_CHARS}}}")


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": {"type": "string", **schema}}


_REQUEST_HEADERS = [
    _header(
        "X-Unit-ID",
        f"who an experiment keeps on one variant, 1 to {MAX_UNIT_CHARS} characters",
        pattern=f"^{_UNIT.pattern}$",
    ),
    _header("X-Request-ID", "comes back in the answer and stands in the log"),
    _header("X-Request-Timeout-Ms", "how long the answer may take, milliseconds", type="number", exclusiveMinimum=0),
    _header("Cache-Control", "no-cache: compute anew and store; no-store: neither look up nor store"),
]
_RESPONSE_HEADERS = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in {
        "X-Model-Version": "the version that answered",
        "X-Experiment": "the experiment that chose it",
        "X-Variant": "the variant that the unit is on",
        "X-Cache": "hit, miss, partial or bypass",
        "Age": "seconds since the oldest answer was made, where all came from the cache",
        "Server-Timing": "the time in each stage",
    }.items()
}
_ERRORS: dict[int, str] = {
    400: "not JSON, not UTF-8, or a header that cannot be read",
    401: "an API key is needed",
    404: "no such model or version",
    413: "the body or a text is too large",
    422: "not a prediction request",
    429: "too many requests wait; see Retry-After",
    502: "the model server broke the contract",
    503: "the model is not ready; see Retry-After",
    504: "no answer within the time allowed",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": kserve_v1.PredictResponse, "headers": _RESPONSE_HEADERS},
    **{status: {"model": kserve_v1.Error, "description": meaning} for status, meaning in _ERRORS.items()},
}
_DOCUMENTATION = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": kserve_v1.body_schema()}}},
    "parameters": [
        {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}, "example": "topics"},
        *_REQUEST_HEADERS,
    ],
}


@router.post("/v1/models/{model:name}:predict", summary="Predict", responses=_RESPONSES, openapi_extra=_DOCUMENTATION)
async def predict(request: Request) -> Response:
    """Classify 1 to 64 texts. The version is the one asked for, else the one of the unit's variant, else the newest."""
    stack: Stack = request.app.state.stack
    ctx: RequestContext = request.scope[CONTEXT]
    headers = ctx.headers
    ctx.tenant = stack.authenticator.tenant(headers.get("authorization"))
    ctx.lap("authenticate")
    deadline = asyncio.get_running_loop().time() + _timeout_s(headers, stack.limits.request_timeout_s)
    body = kserve_v1.parse(await _read(request, stack.limits.max_body_bytes))
    texts = kserve_v1.texts(body, stack.limits.max_text_bytes)
    ctx.instances = len(texts)
    look_up, store = _cache_directives(headers.get("cache-control", ""))
    ask = PredictionRequest(
        model=request.path_params["model"],
        texts=texts,
        unit=_unit(headers) or ctx.request_id,
        deadline=deadline,
        version=body.version,
        look_up=look_up,
        store=store,
    )
    ctx.lap("parse")
    prediction = await stack.life.predict(ask, ctx)
    age = {} if prediction.age_s is None else {"Age": str(prediction.age_s)}
    return Response(kserve_v1.render(prediction, body.parameters.top_k), media_type="application/json", headers=age)


async def _read(request: Request, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body has more than {limit} bytes; send fewer or shorter instances")
        chunks.append(chunk)
    return b"".join(chunks)


def _timeout_s(headers: Mapping[str, str], default_s: float) -> float:
    given = headers.get("x-request-timeout-ms")
    if given is None:
        return default_s
    try:
        milliseconds = float(given)
    except ValueError:
        milliseconds = math.nan
    if not 0 < milliseconds < math.inf:
        raise MalformedRequest("X-Request-Timeout-Ms: must be a number of milliseconds above 0")
    return min(milliseconds / 1e3, default_s)


def _unit(headers: Mapping[str, str]) -> str | None:
    given = headers.get("x-unit-id")
    if given is not None and not _UNIT.fullmatch(given):
        raise MalformedRequest(f"X-Unit-ID: must be 1 to {MAX_UNIT_CHARS} printable ASCII characters; send a hash of longer ids")
    return given


def _cache_directives(header: str) -> tuple[bool, bool]:
    """(look up, store) as a `Cache-Control` request header allows."""
    directives = {part.strip().lower() for part in header.split(",")}
    no_store = "no-store" in directives
    return not (no_store or "no-cache" in directives), not no_store
