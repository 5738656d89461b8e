"""JSON bodies: bytes → JSON → a typed request. Each fault has one sentence."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.errors import InvalidRequest, MalformedRequest

T = TypeVar("T")


def _whole(number: object) -> object:
    # 2.0 is an integer in JSON and in JSON Schema
    return int(number) if isinstance(number, float) and number.is_integer() else number


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number."""

Positive = Annotated[Whole, Field(ge=1, le=2**63 - 1)]
"""A whole number of at least 1 that fits into the signed 64 bits of the model's JSON."""


class Strict(BaseModel):
    """A body or a part of one: fields that are not known and values of other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


def parse(adapter: TypeAdapter[T], raw: bytes, sentences: Mapping[str, str] | None = None) -> T:
    """Read a body; where a field may have several types, `sentences` says what it must be.

    Raises:
        MalformedRequest: not JSON, or not UTF-8.
        InvalidRequest: JSON, but not such a request; the message names the place and what it must
            be.
    """
    try:
        return adapter.validate_json(raw)
    except ValidationError as exc:
        # `from None`: the library's error quotes the client's text, which belongs in no log
        fault = exc.errors(include_input=False, include_url=False)[0]
        if fault["type"] == "json_invalid":
            raise MalformedRequest(f"the body is not JSON in UTF-8: {fault['ctx']['error']}") from None
        error = InvalidRequest(_sentence(fault["loc"], fault["type"], fault["msg"], sentences or {}))
        error.param = str(fault["loc"][0]) if fault["loc"] and fault["type"] != "extra_forbidden" else None
        raise error from None


def _sentence(loc: tuple[int | str, ...], kind: str, message: str, sentences: Mapping[str, str]) -> str:
    match loc:
        case ():
            return "the body must be a JSON object; see /docs"
        case (*parents, _) if kind == "extra_forbidden":
            # the client's own name is not repeated
            return f"{'.'.join(map(str, parents)) or 'the body'} has a field that is not known; see /docs"
        case (str() as field, *_) if field in sentences and kind != "missing":
            return f"{field}: {sentences[field]}"
    return f"{'.'.join(map(str, loc))}: {message}"
