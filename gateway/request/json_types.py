"""Types of what stands in JSON bodies, for pydantic to check."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field


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
