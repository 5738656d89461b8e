"""Tensors → items, and rows → tensors.

Names, datatypes and shapes are those of the contract (`model_repository.tensors`).
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from gateway.dialects.open_inference.classification import best_classes
from gateway.dialects.open_inference.request import Input, Wanted
from gateway.errors import MalformedRequest, TooLarge
from gateway.request.bytes_tensor import packed
from gateway.request.prediction import Item, Prediction
from gateway.request.row import TOKENS_BYTES, value_of, width_of
from gateway.tasks.task import canonical
from model_repository.manifest import Manifest
from model_repository.tensors import ERROR, PARAMETERS, TEXT, TEXT_PAIR, TOKENS

BYTES, FLOAT, INTEGER = "BYTES", "FP32", "INT32"
MAX_REMEMBERED_BYTES = 1024
"""The canonical form of parameters is remembered up to this size."""


class Output(NamedTuple):
    """An output tensor; `raw` is its content as Triton's binary format has it."""

    name: str
    datatype: str
    shape: tuple[int, int]
    raw: bytes


def items(inputs: Sequence[Input], manifest: Manifest, *, max_items: int, max_text_bytes: int) -> list[Item]:
    """The items of a request.

    Raises:
        MalformedRequest: the inputs are not the model's, or their datatypes, shapes and elements do
            not fit.
        TooLarge: names the input with a text of more than `max_text_bytes`.
    """
    named = manifest.tensors
    known = (*named.inputs, *named.optional_inputs)
    columns = {}
    for i, tensor in enumerate(inputs):
        if tensor.name not in known:
            raise MalformedRequest(f"inputs.{i}: this model has no such input; it takes: {', '.join(known)}")
        if tensor.name in columns:
            raise MalformedRequest(f"inputs.{i}: {tensor.name} stands here a second time; send it once, with a row for each item")
        columns[tensor.name] = _column(tensor, max_items, max_text_bytes)
    if missing := [name for name in named.inputs if name not in columns]:
        raise MalformedRequest(f"inputs: {' and '.join(missing)} must be there; this model takes: {', '.join(known)}")
    texts = columns[TEXT]
    for name, values in columns.items():
        if len(values) != len(texts):
            raise MalformedRequest(f"inputs: {name} has {len(values)} rows and {TEXT} has {len(texts)}; give each item a row in both")
    pairs: Iterable[bytes | None] = columns[TEXT_PAIR] if TEXT_PAIR in named.inputs else [None] * len(texts)
    options = map(_parameters, columns.get(PARAMETERS, [b""] * len(texts)))
    return [Item(text, pair, given) for text, pair, given in zip(texts, pairs, options, strict=True)]


def outputs_of(wanted: Sequence[Wanted], manifest: Manifest, *, binary: bool = False) -> list[Wanted]:
    """Each wanted output once; if none is named, all outputs in the contract's order.

    Raises:
        MalformedRequest: the model has no such output, or the request wants the best classes of an
            output that holds texts.
    """
    named = manifest.tensors
    known = {named.output: BYTES if named.is_json else FLOAT, TOKENS: INTEGER, ERROR: BYTES}
    for i, output in enumerate(wanted):
        if output.name not in known:
            raise MalformedRequest(f"outputs.{i}: this model has no such output; it gives: {', '.join(known)}")
        if output.classes and known[output.name] == BYTES:
            raise MalformedRequest(f"outputs.{i}: {output.name} holds texts, which have no best classes; ask for it without classification")
    return list({output.name: output for output in wanted}.values()) or [Wanted(name, binary=binary) for name in known]


def outputs(prediction: Prediction, wanted: Sequence[Wanted]) -> list[Output]:
    """The tensors of a prediction, with a row for each item."""
    return [_classified(output, one.classes) if one.classes else output for one in wanted for output in [_output(prediction, one.name)]]


def _classified(output: Output, classes: int) -> Output:
    """The classification extension: the best classes of each row, as texts."""
    rows, width = output.shape
    kept = min(classes, width)
    return Output(output.name, BYTES, (rows, kept), packed(best_classes(output.raw, output.datatype == INTEGER, width, kept)))


def _column(tensor: Input, max_items: int, max_text_bytes: int) -> Sequence[bytes]:
    name, shape, values = tensor.name, tensor.shape, tensor.values
    if tensor.datatype != BYTES:
        raise MalformedRequest(f"inputs: {name} must be of datatype {BYTES}")
    if len(shape) != 2 or shape[0] < 1 or shape[1] != 1:
        raise MalformedRequest(f"inputs: {name} must be of shape [n, 1], a row for each of its n items; n is at least 1")
    if shape[0] > max_items:
        raise MalformedRequest(f"inputs: {name} has {shape[0]} rows, at most {max_items} are allowed; send the rest in another request")
    if len(values) != shape[0]:
        raise MalformedRequest(f"inputs: {name} has {len(values)} elements, its shape says {shape[0]}")
    for i, value in enumerate(values):
        if len(value) > max_text_bytes:
            raise TooLarge(f"{name}.{i} has {len(value)} bytes, at most {max_text_bytes} are allowed; send a shorter text")
    return values


def _output(prediction: Prediction, name: str) -> Output:
    rows = prediction.rows
    if name == TOKENS:
        return Output(name, INTEGER, (len(rows), 1), b"".join([row[-TOKENS_BYTES:] for row in rows]))
    if name == ERROR:
        return Output(name, BYTES, (len(rows), 1), packed(prediction.errors.get(i, "").encode() for i in range(len(rows))))
    width = width_of(prediction.manifest)
    if width is None:
        return Output(name, BYTES, (len(rows), 1), packed(map(value_of, rows)))
    return Output(name, FLOAT, (len(rows), width), b"".join(map(value_of, rows)))


def _parameters(raw: bytes) -> bytes:
    """Equal parameters as equal bytes, whatever dialect they came in.

    What is not an object goes on unchanged: the model refuses it.
    """
    if not raw:
        return raw
    return _remembered(raw) if len(raw) <= MAX_REMEMBERED_BYTES else _canonical(raw)


def _canonical(raw: bytes) -> bytes:
    try:
        given = json.loads(raw, parse_constant=_refuse)
        return canonical(given) if isinstance(given, dict) else raw
    except (ValueError, TypeError, RecursionError):
        return raw


# bounded, because clients choose how many parameters there are and how large they are
_remembered = lru_cache(maxsize=1024)(_canonical)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
