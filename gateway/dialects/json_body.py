"""JSON bodies: bytes → JSON → a typed request. Each fault has one sentence."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from gateway.errors import InvalidRequest, MalformedRequest
from gateway.faults import Fault, dotted, faults

T = TypeVar("T")


def parse(adapter: TypeAdapter[T], raw: bytes, sentences: Mapping[str, str] | None = None) -> T:
    """Read a body.

    `sentences` says, by the place of a field, what it must be where it may have several types, and
    why it is refused where the body does not have it.

    Raises:
        MalformedRequest: not JSON, or not UTF-8.
        InvalidRequest: JSON, but not such a request; the message names the place and what it must
            be.
    """
    try:
        return adapter.validate_json(raw)
    except ValidationError as exc:
        # `from None`: the library's error quotes the client's text, which belongs in no log
        fault = faults(exc)[0]
        if fault.not_json:
            raise MalformedRequest(f"the body is not JSON in UTF-8: {fault.not_json}") from None
        error = InvalidRequest(_sentence(fault, sentences or {}))
        error.param = str(fault.place[0]) if fault.plainly_named or len(fault.known_place) else None
        raise error from None


def _sentence(fault: Fault, sentences: Mapping[str, str]) -> str:
    match fault.place:
        case ():
            return "the body must be a JSON object; see /docs"
        case _ if dotted(fault.place) in sentences and fault.kind != "missing":
            return f"{dotted(fault.place)}: {sentences[dotted(fault.place)]}"
        case (str() as field, *_) if field in sentences and fault.kind != "missing":
            return f"{field}: {sentences[field]}"
    return fault.sentence_of_unknown_field if fault.unknown_field else fault.sentence
