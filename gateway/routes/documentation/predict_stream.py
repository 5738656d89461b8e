"""What OpenAPI says of the stream of lines."""

from typing import Any

from gateway.dialects import kserve_v1, ndjson
from gateway.routes.documentation.openapi import MODEL, REQUEST_HEADERS, RESPONSE_HEADERS, responses
from gateway.routes.documentation.schema import schema_of

_QUERY = [
    {
        "name": "version",
        "in": "query",
        "required": False,
        "description": "ask for this version, whatever the experiment says",
        "schema": {"type": "integer", "minimum": 1},
    },
    {
        "name": "parameters",
        "in": "query",
        "required": False,
        "description": "options of all lines, as in a prediction request",
        "content": {"application/json": {"schema": schema_of(kserve_v1.Parameters), "example": {"top_k": 3}}},
    },
]
_LINES_IN = '"opec ministers agreed to cut crude oil output"\n{"text": "the bank of england left its lending rate unchanged"}\n'
_LINES_OUT = '{"line":1,"prediction":{"label":"crude","score":0.9871}}\n{"line":2,"error":"the line is not JSON in UTF-8","status":400}\n'
RESPONSES: dict[int | str, dict[str, Any]] = {
    **responses(None, kserve_v1.Error),
    200: {
        "description": "a line for each line that is not empty, in order; an error is its line's alone",
        "headers": {name: header for name, header in RESPONSE_HEADERS.items() if name not in ("X-Cache", "Age")},
        "content": {ndjson.MEDIA_TYPE: {"schema": {"type": "string"}, "example": _LINES_OUT}},
    },
}
REQUEST: dict[str, Any] = {
    "requestBody": {"required": True, "content": {ndjson.MEDIA_TYPE: {"schema": {"type": "string"}, "example": _LINES_IN}}},
    "parameters": [MODEL, *_QUERY, *REQUEST_HEADERS],
}
