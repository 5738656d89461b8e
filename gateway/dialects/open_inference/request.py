"""What REST and gRPC requests have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.errors import MalformedRequest
from gateway.request.request_limits import MAX_ITEMS

MAX_TENSORS = 64
"""Most inputs of a request, and most outputs that it names; no model has more than a handful."""
MAX_DIMENSIONS = 8
MAX_PARAMETERS = 100
"""Most parameters of a request or of a tensor."""
MAX_ELEMENTS = MAX_ITEMS
"""No input has more elements; how many items a request may have is a setting below it."""
_SEQUENCE = ("sequence_id", "sequence_start", "sequence_end")
_RESERVED = "triton_"
_FINAL_RESPONSE = "triton_enable_empty_final_response"


class Input(NamedTuple):
    """An input tensor of BYTES: its shape and its elements."""

    name: str
    datatype: str
    shape: Sequence[int]
    values: Sequence[bytes]


class Wanted(NamedTuple):
    """An output that the client asks for.

    With `classes`, only so many best classes of each row. `binary` is for HTTP bodies: as bytes
    after the JSON, or in it.
    """

    name: str
    classes: int = 0
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a request says of itself.

    `timeout_s` is how long it may take, None where it does not say; `priority` is Triton's priority
    level, 0 the default.
    """

    timeout_s: float | None = None
    priority: int = 0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Parameters":
        """Read a request's `parameters`; as with Triton, a client's own parameters change nothing.

        Raises:
            MalformedRequest: a value that cannot be read, sequences, or a name that is reserved.
        """
        if not given:
            return _NONE
        if any(given.get(name) for name in _SEQUENCE):
            raise MalformedRequest("parameters.sequence_id: sequences are not supported, each request stands for itself; leave it out")
        if any(name.startswith(_RESERVED) and name != _FINAL_RESPONSE for name in given):
            raise MalformedRequest(f"parameters: names that begin with {_RESERVED} are reserved; choose another")
        timeout_us = _whole(given, "timeout")
        return cls(timeout_us / 1e6 if timeout_us else None, _whole(given, "priority"))


_NONE = Parameters()


@dataclass(frozen=True, slots=True)
class InferRequest:
    """An inference request.

    Without `outputs` it asks for all; `binary` is the form of outputs that it does not name.
    """

    inputs: Sequence[Input]
    outputs: Sequence[Wanted] = ()
    id: str = ""
    parameters: Parameters = field(default=_NONE)
    binary: bool = False


def require_no_shared_memory(parameters: Mapping[str, Any], place: str) -> None:
    """Require that a tensor comes with the request or goes with the response.

    Raises:
        MalformedRequest: the parameters say that it lies in shared memory.
    """
    if "shared_memory_region" in parameters:
        raise MalformedRequest(f"{place}: shared memory is not supported, the gateway may run on another machine; send the tensor itself")


def _whole(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name, 0)
    if type(value) is not int or not 0 <= value < 2**64:
        raise MalformedRequest(f"parameters.{name}: must be a whole number from 0 up, of at most 64 bits")
    return value
