"""What OpenAPI says of the routes of experiments."""

from typing import Any

from pydantic import BaseModel

from gateway.dialects.kserve_v1 import Error
from gateway.experiments.definition import Definition
from gateway.routes.documentation.schema import schema_of

_Responses = dict[int | str, dict[str, Any]]
_STATUSES = ["draft", "running", "paused", "stopped"]
_DEFINITION = {
    "key": "topics-lora",
    "description": "the real fine-tune against the small one",
    "variants": [
        {"name": "control", "model": "topics", "version": 1, "weight": 0.5},
        {"name": "treatment", "model": "topics", "version": 2, "weight": 0.5},
    ],
    "coverage": 0.2,
    "metrics": [{"name": "click", "kind": "binary", "source": "outcome", "direction": "increase", "goal": True}],
}
_RECORD = {
    **_DEFINITION,
    "status": "running",
    "epoch": 1,
    "epochs": [{"number": 1, "opened_at": 1795997000.0, "weights": {"control": 0.5, "treatment": 0.5}}],
    "revision": 7,
    "managed_by": "state",
    "created_at": 1795996800.0,
    "changed_at": 1795997000.0,
    "started_at": 1795997000.0,
    "stopped_at": None,
    "promotion": None,
    "ramp_state": None,
    "warnings": [],
}
_EVENT = {"id": "1795997000000-0", "at": 1795997000.0, "by": "acme/5f2c81a9d3e4", "action": "start", "before": None, "after": None}
_ERRORS = {
    400: "not JSON, or a header that cannot be read",
    404: "no such experiment",
    408: "the body did not come in time",
    409: "its status does not allow this, it would conflict with another experiment, or a file manages it",
    412: "it is not the version that If-Match names",
    413: "the body is too large",
    422: "not such a definition; the sentence names each field and what it must be",
    428: "a change needs If-Match",
}
_TAGGED = {"ETag": {"description": "names this version of the experiment; for If-Match", "schema": {"type": "string"}}}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": {"type": "string"}}


def _errors(*statuses: int) -> _Responses:
    return {status: {"model": Error, "description": _ERRORS[status]} for status in statuses}


def _ok(example: Any, headers: dict[str, Any] | None = None, description: str = "the experiment") -> dict[str, Any]:
    return {
        "description": description,
        "headers": headers or {},
        "content": {"application/json": {"schema": {"type": "object"}, "example": example}},
    }


def _body(schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _put_schema() -> dict[str, Any]:
    schema = schema_of(Definition)
    status = {"enum": _STATUSES, "description": "as it is now; the actions change it. What else an answer shows may be sent back, too"}
    return {**schema, "properties": {**schema["properties"], "status": status}, "required": ["variants"], "examples": [_DEFINITION]}


_KEY = {"name": "key", "in": "path", "required": True, "description": "the experiment's key", "schema": {"type": "string", "minLength": 1}}
_IF_MATCH = _header("If-Match", "the ETag of the version that this changes, or *; a change of a definition needs it")
_IF_NONE_MATCH = _header("If-None-Match", "*: make it, and change none that is there")
OF_KEY: dict[str, Any] = {"parameters": [_KEY]}
CHANGE: dict[str, Any] = {"parameters": [_KEY, _IF_MATCH]}
PUT_BODY: dict[str, Any] = {"parameters": [_KEY, _IF_MATCH, _IF_NONE_MATCH], "requestBody": _body(_put_schema(), required=True)}
LIST: _Responses = {
    200: _ok({"experiments": [_RECORD], "auth": "on"}, description="all experiments, and whether callers must say who they are")
}
SHOW: _Responses = {200: _ok(_RECORD, _TAGGED), **_errors(404)}
PUT: _Responses = {
    200: _ok(_RECORD, _TAGGED, "it was changed, or is so already"),
    201: _ok({**_RECORD, "status": "draft", "started_at": None}, _TAGGED, "it was made"),
    **_errors(400, 408, 409, 412, 413, 422, 428),
}
DELETE: _Responses = {204: {"description": "it is forgotten"}, **_errors(404, 409, 412)}
ACT: _Responses = {200: _ok(_RECORD, _TAGGED), **_errors(400, 404, 408, 409, 412, 413, 422)}
EVENTS: _Responses = {200: _ok({"events": [_EVENT]}, description="what was done, oldest first"), **_errors(404, 409, 422)}


_COMPARED = {
    "variant": "treatment",
    "difference": 0.021,
    "interval": [0.004, 0.038],
    "relative": 0.17,
    "relative_interval": [0.03, 0.31],
    "p_value": 0.01,
    "adjusted_p_value": 0.01,
    "method": "confidence sequence",
    "decision": "better",
    "sentence": "treatment is better: +3.0 % to +31.0 %; 14,210 units; you may stop now",
}
_METRIC = {
    "name": "click",
    "kind": "binary",
    "role": "goal",
    "direction": "increase",
    "variants": [{"name": "control", "estimate": 0.121, "units": 7104}, {"name": "treatment", "estimate": 0.142, "units": 7106}],
    "comparisons": [_COMPARED],
}
_RESULTS = {
    "key": "topics-lora",
    "status": "running",
    "epoch": 1,
    "epochs": [1],
    "at": 1795998000.0,
    "sentence": _COMPARED["sentence"],
    "srm": {"ok": True, "p_value": 1.0, "chi_square_p_value": 0.98, "causes": []},
    "variants": [
        {
            "name": "control",
            "units": 7104,
            "planned_share": 0.5,
            "requests": 21300,
            "anonymous": 0,
            "fallbacks": 0,
            "errors": 3,
            "sheds": 0,
            "hit_share": 0.4,
        }
    ],
    "dropped_exposures": 0,
    "metrics": [_METRIC],
    "requests": [],
    "planned": None,
    "ramp": None,
    "warnings": [],
}
RESULTS: _Responses = {200: _ok(_RESULTS, description="what is known of the variants now"), **_errors(404)}
LOOKS: _Responses = {
    200: _ok(
        {
            "key": "topics-lora",
            "looks": [
                {
                    "at": 1795998000.0,
                    "units": 14210,
                    "difference": {"click": {"treatment": [0.004, 0.006, 0.008]}},
                    "relative": {"click": {"treatment": [0.021, 0.03, 0.04]}},
                }
            ],
        },
        description="what was known at earlier looks, oldest first; an end that is not known is null",
    ),
    **_errors(404),
}
_DIFFERENCES = {
    "items": 4200,
    "flips": 0.012,
    "flips_interval": [0.009, 0.016],
    "amount": {"p50": 0.001, "p90": 0.02},
    "top_3_overlap": 0.98,
}
SHADOWS: _Responses = {
    200: _ok(
        {
            "key": "topics-lora",
            "shadows": [
                {
                    "before": "topics/1",
                    "after": "topics/2",
                    "sentence": "topics/2 answers 1.20% of 4,200 items otherwise than topics/1 (0.90% to 1.60%)",
                    "requests": {"compared": 4200, "dropped": 12, "failed": 0},
                    "by_traffic": _DIFFERENCES,
                    "by_distinct_text": _DIFFERENCES,
                    "noise": {**_DIFFERENCES, "flips": 0.0005},
                    "latency_ms": {"before": 8.1, "after": 12.4},
                    "triton_ms_per_item": {"before": 6.2, "after": 9.8},
                    "most_different": [
                        {
                            "amount": 0.97,
                            "flip": True,
                            "text_digest": "9f86d081884c7d65",
                            "bytes": 412,
                            "before": {"label": "grain", "score": 0.99},
                            "after": {"label": "crude", "score": 0.98},
                        }
                    ],
                }
            ],
        },
        description="each pair of versions that was compared",
    ),
    **_errors(404),
}
_PART = {name: _RESULTS[name] for name in ("sentence", "srm", "variants", "metrics")}
DISAGREEMENT: _Responses = {
    200: _ok(
        {"key": "topics-lora", "share": 0.08, "unknown_units": 12, "fault": None, "differ": _PART, "agree": _PART},
        description="results by whether answers differ; `fault` says why they are not to be trusted",
    ),
    **_errors(404),
}
CHECK: _Responses = {
    200: _ok(
        {
            "key": "topics-lora",
            "epoch": 1,
            "units": 14210,
            "ok": True,
            "sentence": "the sums are those of the 14210 units' records, bit for bit",
        },
        description="whether the sums are right; `ok` is null where units were written meanwhile",
    ),
    **_errors(404),
}


def promoting(body: type[BaseModel]) -> dict[str, Any]:
    """As `CHANGE`, with a body that may be left out."""
    return {**CHANGE, "requestBody": _body(schema_of(body), required=False)}
