"""JSON bodies: bytes → JSON → a typed request, with one sentence for each fault; and their schemas for OpenAPI."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.errors import InvalidRequest, MalformedRequest
from gateway.faults import Fault, dotted, faults

T = TypeVar("T")


def _whole(number: object) -> object:
    # in JSON, and in JSON Schema, 2.0 is an integer too
    return int(number) if isinstance(number, float) and number.is_integer() else number


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number."""

Positive = Annotated[Whole, Field(ge=1, le=2**63 - 1)]
"""A whole number of at least 1, of no more bits than the JSON that goes to the model can have."""


class Strict(BaseModel):
    """A body or a part of one: fields that are not known and values of other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


def parse(adapter: TypeAdapter[T], raw: bytes, sentences: Mapping[str, str] | None = None) -> T:
    """Read a body; `sentences` say of a field what it must be where that is more than one type.

    Raises:
        MalformedRequest: not JSON, or not UTF-8.
        InvalidRequest: JSON, but not such a request; the message names the place and what it must be.
    """
    try:
        return adapter.validate_json(raw)
    except ValidationError as exc:
        # `from None`: the library's error quotes the client's text, which belongs in no log
        fault = faults(exc)[0]
        if fault.not_json:
            raise MalformedRequest(f"the body is not JSON in UTF-8: {fault.not_json}") from None
        error = InvalidRequest(_sentence(fault, sentences or {}))
        error.param = str(fault.place[0]) if fault.place and not fault.unknown_field else None
        raise error from None


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema of a body, in one piece: references into `$defs` mean nothing inside an OpenAPI document."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inline(definitions[node["$ref"].rpartition("/")[2]])
        return {key: inline(value) for key, value in node.items()}

    inlined: dict[str, Any] = inline(schema)
    return inlined


def _sentence(fault: Fault, sentences: Mapping[str, str]) -> str:
    match fault.place:
        case ():
            return "the body must be a JSON object; see /docs"
        case _ if fault.unknown_field:
            return f"{dotted(fault.known_place) or 'the body'} has a field that is not known; see /docs"
        case (str() as field, *_) if field in sentences and fault.kind != "missing":
            return f"{field}: {sentences[field]}"
    return fault.sentence
