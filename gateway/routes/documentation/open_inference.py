"""What OpenAPI says of the Open Inference Protocol's routes."""

from typing import Any

from gateway.dialects.kserve_v1 import Error
from gateway.dialects.open_inference.generate import GenerateBody, GenerateResponse
from gateway.dialects.open_inference.http_body import InferBody, InferResponse
from gateway.routes.documentation.openapi import ERRORS, MODEL, REQUEST_HEADERS, RESPONSE_HEADERS, json_body
from gateway.routes.documentation.schema import schema_of

_Responses = dict[int | str, dict[str, Any]]
_NUMBER = {"name": "version", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}, "example": 2}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def _ok(example: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"example": example}}}


def _errors(*statuses: int) -> _Responses:
    return {status: {"model": Error, "description": ERRORS[status]} for status in statuses}


OF_MODEL: dict[str, Any] = {"parameters": [MODEL]}
OF_VERSION: dict[str, Any] = {"parameters": [MODEL, _NUMBER]}

_TENSOR = {"name": "TEXT", "datatype": "BYTES", "shape": [-1, 1]}
_SCORES = {"name": "SCORES", "datatype": "FP32", "shape": [-1, -1]}
_OF_MODEL_ERRORS = _errors(400, 401, 403, 404, 429, 503)
SERVER: _Responses = {200: _ok({"name": "headrace", "version": "0.1.0", "extensions": ["classification", "binary_tensor_data"]})}
LIVE: _Responses = {200: _ok({"live": True})}
READY: _Responses = {200: _ok({"ready": True}), **_errors(503)}
MODEL_READY: _Responses = {200: _ok({"name": "topics", "ready": True}), **_OF_MODEL_ERRORS}
METADATA: _Responses = {
    200: _ok({"name": "topics", "versions": ["1", "2"], "platform": "headrace", "inputs": [_TENSOR], "outputs": [_SCORES]}),
    **_OF_MODEL_ERRORS,
}
CONFIG: _Responses = {200: _ok({"name": "topics", "backend": "headrace", "max_batch_size": 64}), **_OF_MODEL_ERRORS}
INDEX: _Responses = {200: _ok([{"name": "topics", "version": "2", "state": "READY"}]), **_errors(400, 401, 403, 408, 413, 429, 503)}
INDEX_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/json": {"schema": {"type": "object", "properties": {"ready": {"type": "boolean"}}}, "example": {"ready": True}}
        },
    }
}

_LENGTH = {
    "name": "Inference-Header-Content-Length",
    "in": "header",
    "required": False,
    "description": "where binary tensors follow: the bytes of the JSON before them",
    "schema": {"type": "integer", "minimum": 0},
}
_INFER_BODY = {"required": True, "content": {"application/json": {"schema": schema_of(InferBody)}, "application/octet-stream": _BINARY}}
_INFERRED: dict[str, Any] = {
    "model": InferResponse,
    "headers": {
        **RESPONSE_HEADERS,
        "Inference-Header-Content-Length": {
            "description": "where binary tensors follow: the bytes of the JSON",
            "schema": {"type": "integer"},
        },
    },
    "content": {"application/octet-stream": _BINARY},
}
INFER: _Responses = {200: _INFERRED, **_errors(*ERRORS)}
INFER_OF_MODEL: dict[str, Any] = {"requestBody": _INFER_BODY, "parameters": [MODEL, _LENGTH, *REQUEST_HEADERS]}
INFER_OF_VERSION: dict[str, Any] = {"requestBody": _INFER_BODY, "parameters": [MODEL, _NUMBER, _LENGTH, *REQUEST_HEADERS]}
GENERATE: _Responses = {200: {"model": GenerateResponse, "headers": RESPONSE_HEADERS}, **_errors(*ERRORS)}
GENERATE_BODY: dict[str, Any] = {"requestBody": json_body(schema_of(GenerateBody)), "parameters": [MODEL, *REQUEST_HEADERS]}
