"""Inference requests and answers of the Open Inference Protocol with the binary tensor extension. Pure.

    body = JSON (as long as `Inference-Header-Content-Length` says) · the tensors' bytes, in the order of the JSON

BYTES tensors hold each value behind its length (uint32, little-endian). Rows (`gateway.row`) are cut out of the answer's tensors
without decoding them.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import orjson

from gateway.errors import BackendBroken, InvalidRequest
from gateway.prediction import Item
from gateway.row import FLOAT_BYTES, TOKENS_BYTES, width_of
from model_repository import tensors
from model_repository.manifest import Manifest

JSON_LENGTH = "Inference-Header-Content-Length"
_LENGTH = struct.Struct("<I")
_COLUMNS: Mapping[str, Callable[[Item], bytes]] = {
    tensors.TEXT: lambda item: item.text,
    tensors.TEXT_PAIR: lambda item: item.text_pair or b"",
    tensors.PARAMETERS: lambda item: item.parameters,
}


def write_request(manifest: Manifest, items: Sequence[Item], parameters: Mapping[str, int]) -> tuple[int, bytes]:
    """The length of the JSON and the body of a request for the answers to `items`.

    `parameters` are Triton's own, such as `timeout` (microseconds in its queue) and `priority`.
    """
    named = tensors.tensors_of(manifest)
    # optional inputs are sent always: Triton joins only requests that have the same ones
    columns = {name: pack(_COLUMNS[name](item) for item in items) for name in (*named.inputs, *named.optional_inputs)}
    header = orjson.dumps(
        {
            "inputs": [
                {"name": name, "datatype": "BYTES", "shape": (len(items), 1), "parameters": {"binary_data_size": len(raw)}}
                for name, raw in columns.items()
            ],
            "outputs": [{"name": name, "parameters": {"binary_data": True}} for name in (named.output, tensors.TOKENS, tensors.ERROR)],
            "parameters": parameters,
        }
    )
    return len(header), b"".join((header, *columns.values()))


def read_rows(manifest: Manifest, items: int, json_length: int, body: bytes) -> list[bytes | Exception]:
    """The row of each item from an answer; an `InvalidRequest` where that item alone failed.

    Raises:
        BackendBroken: the tensors are not as the contract says.
    """
    contents = _contents(json_length, body)
    output = tensors.tensors_of(manifest).output
    values = _values(contents.get(output, b""), items, output, width_of(manifest))
    tokens, errors = contents.get(tensors.TOKENS, b""), contents.get(tensors.ERROR, b"")
    if len(tokens) != items * TOKENS_BYTES:
        raise BackendBroken(f"the model server answered {len(tokens)} bytes of token counts, expected {items} × {TOKENS_BYTES}")
    rows: list[bytes | Exception] = [value + tokens[i * TOKENS_BYTES : (i + 1) * TOKENS_BYTES] for i, value in enumerate(values)]
    if len(errors) == items * _LENGTH.size:  # every message is empty
        return rows
    for i, message in zip(range(items), unpack(errors), strict=False):
        if message:
            rows[i] = InvalidRequest(message.decode(errors="replace"))
    return rows


def pack(values: Iterable[bytes]) -> bytes:
    """A BYTES tensor of these values."""
    return b"".join(part for value in values for part in (_LENGTH.pack(len(value)), value))


def unpack(raw: bytes) -> Iterator[bytes]:
    """The values of a BYTES tensor."""
    at = 0
    while at + _LENGTH.size <= len(raw):
        begin = at + _LENGTH.size
        at = begin + _LENGTH.unpack_from(raw, at)[0]
        yield raw[begin:at]


def _contents(json_length: int, body: bytes) -> dict[str, bytes]:
    try:
        outputs = orjson.loads(body[:json_length])["outputs"]
        contents, at = {}, json_length
        for output in outputs:
            end = at + output["parameters"]["binary_data_size"]
            contents[output["name"]] = body[at:end]
            at = end
    except (orjson.JSONDecodeError, KeyError, TypeError) as exc:
        raise BackendBroken("the model server's answer is not one of the inference protocol") from exc
    if at != len(body):
        raise BackendBroken(f"the model server's answer has {len(body)} bytes, its tensors end at {at}")
    return contents


def _values(raw: bytes, items: int, output: str, width: int | None) -> list[bytes]:
    if width is None:
        values = list(unpack(raw))
        if len(values) != items:
            raise BackendBroken(f"the model server answered {len(values)} of {output}, expected {items}")
        return values
    row_bytes = width * FLOAT_BYTES
    if len(raw) != items * row_bytes:
        raise BackendBroken(f"the model server answered {len(raw)} bytes of {output}, expected {items} × {width} × {FLOAT_BYTES}")
    return [raw[i * row_bytes : (i + 1) * row_bytes] for i in range(items)]
