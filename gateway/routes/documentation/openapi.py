"""What OpenAPI says of prediction routes (parameters, headers, statuses) and of all routes."""

import re
from collections.abc import Mapping
from typing import Any

from gateway.calls.headers import MAX_ATTRIBUTES_BYTES, MAX_UNIT_CHARS, UNIT
from gateway.dialects.kserve_v1 import Error

_WRAP = re.compile(r"(?<!\n)\n(?!\n)")
_OF_FRAMEWORK = ("HTTPValidationError", "ValidationError")
_BEARER = {"type": "http", "scheme": "bearer", "description": "an API key or a token, where HEADRACE_AUTH asks for one"}


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": {"type": "string", **schema}}


def _headers(descriptions: dict[str, str]) -> dict[str, Any]:
    return {name: {"description": description, "schema": {"type": "string"}} for name, description in descriptions.items()}


MODEL = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}, "example": "topics"}
REQUEST_HEADERS = [
    _header(
        "X-Unit-ID",
        f"who an experiment keeps on one variant: 1 to {MAX_UNIT_CHARS} printable ASCII characters",
        pattern=f"^{UNIT.pattern}$",
    ),
    {
        "name": "X-Unit-Attributes",
        "in": "header",
        "required": False,
        "description": f"what conditions of experiments ask of the unit: a JSON object of at most {MAX_ATTRIBUTES_BYTES} bytes",
        "content": {"application/json": {"schema": {"type": "object"}, "example": {"country": "de"}}},
    },
    _header("X-Request-ID", "comes back in the answer and stands in the log"),
    _header(
        "X-Request-Timeout-Ms",
        "how long the answer may take, milliseconds; a limit of the gateway's bounds it",
        type="number",
        exclusiveMinimum=0,
    ),
    _header(
        "X-Priority",
        "interactive (the default; of a stream batch), or batch: served while no interactive request waits, and shed first",
        enum=["interactive", "batch"],
    ),
    _header(
        "Cache-Control",
        "no-cache: compute anew and store; no-store: neither look up nor store; only-if-cached: 504 rather than compute; "
        "max-age, min-fresh, max-stale, stale-if-error: how old an answer may be, seconds",
    ),
]
IF_NONE_MATCH = _header("If-None-Match", "the ETag of an answer that the client has; 304 while it is still the answer")
RESPONSE_HEADERS = _headers(
    {
        "X-Model-Version": "the version that answered",
        "X-Experiment": "the experiment that chose it, then others in which the unit counts",
        "X-Variant": "the variant that the unit is on",
        "X-Cache": "hit, miss, partial, stale or bypass",
        "Age": "seconds since the oldest answer was made, where all came from the cache",
        "Server-Timing": "the time in each stage",
        "X-RateLimit-Limit": "the burst or quota of the limit that is nearest to its end, where the caller has limits",
        "X-RateLimit-Remaining": "what is left of it",
        "X-RateLimit-Reset": "seconds until all of it is there again",
    }
)
ETAG = _headers({"ETag": "names this answer; for If-None-Match"})
_ALWAYS = _headers({"X-Request-ID": "the request's own, or one that was made for it; it stands in the log"})
_RETRY_AFTER = _headers({"Retry-After": "seconds until it may be tried again"})
_BY_STATUS = {"401": _headers({"WWW-Authenticate": "Bearer"}), "429": _RETRY_AFTER, "503": _RETRY_AFTER}
ERRORS: dict[int, str] = {
    400: "not JSON, not UTF-8, or a header that cannot be read",
    401: "an API key is needed",
    403: "the key lacks the scope predict",
    404: "no such model or version",
    408: "the body did not come in time",
    413: "the body or a text is too large",
    422: "not a request of this kind, or not one that the model can obey",
    429: "too many requests wait, or a limit of the key or its tenant is reached; see Retry-After",
    502: "the model server broke the contract",
    503: "the model is not ready; see Retry-After",
    504: "no answer within the time allowed, or none in the cache where only that was wanted",
}


def responses(success: Any, error: Any, headers: Mapping[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """A route's responses by status.

    `success` and `error` are the models of their bodies; `headers` come with a success, beside
    those that come with every prediction.
    """
    return {
        200: {"model": success, "headers": {**RESPONSE_HEADERS, **(headers or {})}},
        **{status: {"model": error, "description": meaning} for status, meaning in ERRORS.items()},
    }


def json_body(schema: dict[str, Any]) -> dict[str, Any]:
    """A request body that must be there."""
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what holds for every route.

    That is the key, where the route can answer 401; the headers of its responses; our shape of
    errors.
    """
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"bearer": _BEARER}
    schemas = components.setdefault("schemas", {})
    for name in _OF_FRAMEWORK:
        schemas.pop(name, None)
    schemas.setdefault(Error.__name__, Error.model_json_schema())
    for operations in document["paths"].values():
        for operation in operations.values():
            if "401" in operation["responses"]:
                operation["security"] = [{"bearer": []}]
            for status, response in operation["responses"].items():
                _complete(status, response)
    _unwrap(document)
    return document


def _unwrap(node: Any) -> None:
    """Make one line of each paragraph of a description, however its docstring wraps."""
    if isinstance(node, list):
        for element in node:
            _unwrap(element)
    elif isinstance(node, dict):
        if isinstance(description := node.get("description"), str):
            node["description"] = _WRAP.sub(" ", description)
        for value in node.values():
            _unwrap(value)


def _complete(status: str, response: dict[str, Any]) -> None:
    for media in response.get("content", {}).values():
        if media.get("schema", {}).get("$ref", "").endswith(_OF_FRAMEWORK):
            media["schema"] = {"$ref": f"#/components/schemas/{Error.__name__}"}
    response["headers"] = {**_ALWAYS, **_BY_STATUS.get(status, {}), **response.get("headers", {})}
