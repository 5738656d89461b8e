"""The body of an error, in the shape that clients of a path read."""

from typing import Any

import orjson

from gateway.dialects import openai, tei
from gateway.errors import INTERNAL_ERROR

_OPENAI = frozenset({"/v1/embeddings", "/v1/rerank", "/v2/rerank"})
_TEI = frozenset({"/", "/embed", "/similarity", "/predict", "/rerank", "/info", "/health"})


def error_body(path: str, status: int, message: str, param: str | None = None) -> dict[str, Any]:
    """OpenAI's error object, TEI's error, or `{"error": message}`."""
    if path in _OPENAI:
        return openai.error_body(status, message, param)
    if path in _TEI or path.startswith("/models/"):
        return tei.error_body(status, message)
    return {"error": message}


def internal_error(path: str) -> bytes:
    """The JSON that tells a client of this path that something of ours has failed."""
    return orjson.dumps(error_body(path, 500, INTERNAL_ERROR))
