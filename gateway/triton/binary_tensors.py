"""Inference requests and responses of the Open Inference Protocol with binary tensors. Pure.

    body = JSON · the tensors' bytes, in the order of the JSON

The header `Inference-Header-Content-Length` is the length of the JSON. Rows (`gateway.request.row`)
are cut out of a response's tensors without decoding them.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import orjson

from gateway.errors import BackendBroken, ItemFault, PackageReplaced
from gateway.request.bytes_tensor import LENGTH_BYTES, packed, unpacked
from gateway.request.prediction import Item
from gateway.request.row import FLOAT_BYTES, TOKENS_BYTES, width_of
from model_repository import tensors
from model_repository.manifest import Manifest

JSON_LENGTH = "Inference-Header-Content-Length"
_COLUMNS: Mapping[str, Callable[[Item], bytes]] = {
    tensors.TEXT: lambda item: item.text,
    tensors.TEXT_PAIR: lambda item: item.text_pair or b"",
    tensors.PARAMETERS: lambda item: item.parameters,
}


def write_request(manifest: Manifest, items: Sequence[Item], parameters: Mapping[str, int], *, digest: bool = True) -> tuple[int, bytes]:
    """The length of the JSON and the body of a request for the rows of `items`.

    `parameters` are Triton's own, such as `timeout` (microseconds in its queue) and `priority`.
    With `digest` the answer is to say which package computed it.
    """
    named = manifest.tensors
    outputs = (named.output, tensors.TOKENS, tensors.ERROR, tensors.DIGEST) if digest else (named.output, tensors.TOKENS, tensors.ERROR)
    # optional inputs are sent always, as Triton joins only requests that have the same ones; but a
    # model that cannot say which package answered is configured as before its task had parameters
    optional = named.optional_inputs if digest or any(item.parameters for item in items) else ()
    columns = {name: packed(_COLUMNS[name](item) for item in items) for name in (*named.inputs, *optional)}
    header = orjson.dumps(
        {
            "inputs": [
                {"name": name, "datatype": "BYTES", "shape": (len(items), 1), "parameters": {"binary_data_size": len(raw)}}
                for name, raw in columns.items()
            ],
            "outputs": [{"name": name, "parameters": {"binary_data": True}} for name in outputs],
            "parameters": parameters,
        }
    )
    return len(header), b"".join((header, *columns.values()))


def read_rows(manifest: Manifest, items: int, json_length: int, body: bytes, *, digest: bool = True) -> list[bytes | Exception]:
    """The row of each item from a response; an `ItemFault` where that item alone failed.

    Raises:
        PackageReplaced: with `digest`, the response does not say that this package computed it.
        BackendBroken: the tensors are not as the contract says.
    """
    contents = _contents(json_length, body)
    # first, since the rows of another package may have another shape
    if digest and contents.get(tensors.DIGEST) != digest_bytes(manifest.digest) * items:
        raise replaced(manifest)
    output = manifest.tensors.output
    values = _values(contents.get(output, b""), items, output, width_of(manifest))
    tokens, errors = contents.get(tensors.TOKENS, b""), contents.get(tensors.ERROR, b"")
    if len(tokens) != items * TOKENS_BYTES:
        raise BackendBroken(f"the model server answered {len(tokens)} bytes of token counts, expected {items} × {TOKENS_BYTES}")
    rows: list[bytes | Exception] = [value + tokens[i * TOKENS_BYTES : (i + 1) * TOKENS_BYTES] for i, value in enumerate(values)]
    if len(errors) == items * LENGTH_BYTES:  # every message is empty
        return rows
    for i, message in enumerate(_texts(errors, items, tensors.ERROR)):
        if message:
            rows[i] = ItemFault(message.decode(errors="replace"), values[i] + tokens[i * TOKENS_BYTES : (i + 1) * TOKENS_BYTES])
    return rows


@lru_cache(maxsize=1024)
def digest_bytes(digest: str) -> bytes:
    """A manifest's digest as the bytes of DIGEST."""
    return bytes.fromhex(digest.removeprefix("sha256:"))


def replaced(manifest: Manifest) -> PackageReplaced:
    """The error of an answer that another package computed."""
    return PackageReplaced(f"version {manifest.version} of model {manifest.model} was replaced while it answered; try again")


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
        return _texts(raw, items, output)
    row_bytes = width * FLOAT_BYTES
    if len(raw) != items * row_bytes:
        raise BackendBroken(f"the model server answered {len(raw)} bytes of {output}, expected {items} × {width} × {FLOAT_BYTES}")
    return [raw[i * row_bytes : (i + 1) * row_bytes] for i in range(items)]


def _texts(raw: bytes, items: int, output: str) -> list[bytes]:
    try:
        values = unpacked(raw)
    except ValueError as exc:
        raise BackendBroken(f"the model server answered bytes of {output} that cannot be read") from exc
    if len(values) != items:
        raise BackendBroken(f"the model server answered {len(values)} of {output}, expected {items}")
    return values
