"""The body and the status of an error, in the shape that clients of a path read."""

from typing import Any

import orjson

from gateway.dialects import openai, tei
from gateway.errors import INTERNAL_ERROR

_COHERE = frozenset({"/v1/rerank", "/v2/rerank", "/v1/embed", "/v2/embed"})
_OWN = ("/v1/admin", "/v1/cache", "/v1/experiments", "/v1/outcomes")
"""What begins with `/v1` and is our own; on all its other paths clients of OpenAI may ask."""
_TEI = frozenset({"/", "/health", "/info", "/invocations", "/ping", "/predict", "/rerank", "/similarity", "/vertex"})
_TEI_BEGIN = ("/embed", "/models/", "/tokenize", "/decode")


def error_body(path: str, status: int, message: str, param: str | None = None) -> dict[str, Any]:
    """OpenAI's error object, with Cohere's message beside it where its clients ask; TEI's error;
    or `{"error": message}`, as KServe and Triton have it.
    """
    if _is_openai(path):
        body = openai.error_body(status, message, param)
        return {"message": message, **body} if path in _COHERE else body
    if path in _TEI or path.startswith(_TEI_BEGIN):
        return tei.error_body(status, message)
    return {"error": message}


def error_status(path: str, status: int) -> int:
    """The status of an error for clients of this path: OpenAI and Cohere have 400 for our 422."""
    return 400 if status == 422 and _is_openai(path) else status


def internal_error(path: str) -> bytes:
    """The JSON that tells a client of this path that something of ours has failed."""
    return orjson.dumps(error_body(path, 500, INTERNAL_ERROR))


def _is_openai(path: str) -> bool:
    if path in _COHERE or path.startswith(("/openai/", "/infinity/")) or path.endswith("/embeddings"):
        return True
    # a verb such as :predict is KServe's
    return path.startswith("/v1/") and not path.startswith(_OWN) and ":" not in path
