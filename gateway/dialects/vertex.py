"""Vertex AI's envelope around TEI's requests: several of them at once, each with its own answer."""

import json
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from gateway.dialects.ask import MAX_INPUTS, Ask
from gateway.dialects.json_body import parse
from gateway.request.json_types import FIRST_FAULT, Tolerant
from gateway.request.prediction import Prediction

MAX_MEMBERS = 100
"""Most fields of a request; none has a third of them."""


_Instance = Annotated[dict[str, Any], Field(max_length=MAX_MEMBERS)]


class VertexBody(Tolerant):
    """Requests as they would be asked at `/`."""

    instances: Annotated[list[_Instance], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT] = Field(
        examples=[[{"inputs": "opec cut output"}]]
    )


_BODY = TypeAdapter(VertexBody)


def ask_vertex(raw: bytes, read: Callable[[bytes], Ask]) -> Ask:
    """What all instances ask together; `read` reads one of them.

    Raises:
        GatewayError: the body is not such a request, or `read` raises it.
    """
    # not orjson: it refuses numbers of more than 64 bits, and `read` says what is wrong with those
    asks = [read(json.dumps(instance).encode()) for instance in parse(_BODY, raw).instances]
    ranges = list(pairwise(accumulate((len(ask.items) for ask in asks), initial=0)))

    def render(prediction: Prediction) -> dict[str, Any]:
        parts = (_part(prediction, first, end) for first, end in ranges)
        return {"predictions": [ask.render(part) for ask, part in zip(asks, parts, strict=True)]}

    return Ask([item for ask in asks for item in ask.items], render)


def _part(prediction: Prediction, first: int, end: int) -> Prediction:
    rows: Sequence[bytes] = prediction.rows[first:end]
    return prediction._replace(rows=rows)
