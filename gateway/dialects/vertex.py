"""Vertex AI's envelope around TEI's requests: several of them at once, each with its own answer."""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter

from gateway.dialects.ask import MAX_INPUTS, Ask
from gateway.dialects.json_body import parse
from gateway.request.json_types import FIRST_FAULT, Tolerant
from gateway.request.prediction import Prediction


class VertexBody(Tolerant):
    """Requests as they would be asked at `/`."""

    instances: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_INPUTS), FIRST_FAULT] = Field(
        examples=[[{"inputs": "opec cut output"}]]
    )


_BODY = TypeAdapter(VertexBody)


def ask_vertex(raw: bytes, read: Callable[[bytes], Ask]) -> Ask:
    """What all instances ask together; `read` reads one of them.

    Raises:
        GatewayError: the body is not such a request, or `read` raises it.
    """
    asks = [read(orjson.dumps(instance)) for instance in parse(_BODY, raw).instances]
    ranges = list(pairwise(accumulate((len(ask.items) for ask in asks), initial=0)))

    def render(prediction: Prediction) -> dict[str, Any]:
        parts = (_part(prediction, first, end) for first, end in ranges)
        return {"predictions": [ask.render(part) for ask, part in zip(asks, parts, strict=True)]}

    return Ask([item for ask in asks for item in ask.items], render)


def _part(prediction: Prediction, first: int, end: int) -> Prediction:
    rows: Sequence[bytes] = prediction.rows[first:end]
    return prediction._replace(rows=rows)
