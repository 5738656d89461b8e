"""What the OpenAPI document says of every route alike: the key that is asked for, headers that come with an answer, the shape of errors."""

from typing import Any

from fastapi import Security
from fastapi.security import HTTPBearer

from gateway.dialects.kserve_v1 import Error

BEARER = Security(HTTPBearer(auto_error=False, scheme_name="bearer", description="an API key, where keys are configured"))
"""For a router's `dependencies`: documents the key. The routes ask for it themselves."""

_OF_FRAMEWORK = ("HTTPValidationError", "ValidationError")
_ALWAYS = {"X-Request-ID": "the request's own, or one that was made for it; it stands in the log"}
_BY_STATUS = {
    "401": {"WWW-Authenticate": "Bearer"},
    "429": {"Retry-After": "seconds until it may be tried again"},
    "503": {"Retry-After": "seconds until it may be tried again"},
}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what holds for every route."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _OF_FRAMEWORK:
        schemas.pop(name, None)
    schemas.setdefault(Error.__name__, Error.model_json_schema())
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                _complete(status, response)
    return document


def _complete(status: str, response: dict[str, Any]) -> None:
    for media in response.get("content", {}).values():
        if media.get("schema", {}).get("$ref", "").endswith(_OF_FRAMEWORK):
            media["schema"] = {"$ref": f"#/components/schemas/{Error.__name__}"}
    headers = response.setdefault("headers", {})
    for name, description in (_ALWAYS | _BY_STATUS.get(status, {})).items():
        headers.setdefault(name, {"description": description, "schema": {"type": "string"}})
