"""Types of what stands in JSON bodies, for pydantic to check."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field
from pydantic_core import CoreSchema, core_schema

from gateway.faults import UNKNOWN_FIELD


def _whole(number: object) -> object:
    # 2.0 is an integer in JSON and in JSON Schema
    return int(number) if isinstance(number, float) and number.is_integer() else number


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number."""

Positive = Annotated[Whole, Field(ge=1, le=2**63 - 1)]
"""A whole number of at least 1 that fits into the signed 64 bits of the model's JSON."""


class _FirstFault(FailFast):
    # pydantic's own cannot stand in a union, because it has no hash
    __hash__ = object.__hash__


FIRST_FAULT = _FirstFault()
"""A list ends at its first fault. Every list of a body has it: the others would be collected, and
only the first is answered.
"""


class Strict(BaseModel):
    """A body or a part of one: fields that are not known and values of other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Absent:
    """null, where a field that is not known may hold nothing else."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Anything but null is a fault of the kind `UNKNOWN_FIELD`."""
        return core_schema.custom_error_schema(core_schema.none_schema(), UNKNOWN_FIELD, custom_error_message="There is no such field")


class Tolerant(BaseModel):
    """A body or a part of one, as clients of another server write it.

    A field that is null counts as absent, whatever its name, so each field that may be absent has
    None among its types. Other fields that are not known, and values of other types, are refused.
    """

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, Annotated[None, _Absent]]
