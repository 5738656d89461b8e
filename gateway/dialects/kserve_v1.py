"""KServe v1 (`:predict`): JSON → instances and options, predictions → JSON."""

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.errors import InvalidRequest, MalformedRequest, TooLarge
from gateway.prediction import Prediction, Score, best, ranked

MAX_INSTANCES = 64


def _whole(number: object) -> object:
    # in JSON, and in JSON Schema, 2.0 is an integer too
    return int(number) if isinstance(number, float) and number.is_integer() else number


_Positive = Annotated[int, Field(ge=1), BeforeValidator(_whole)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Instance(_Strict):
    """One text."""

    text: str


class Parameters(_Strict):
    """What to show of an answer."""

    top_k: _Positive | None = Field(None, description="show the k best labels of each instance, best first, as a list")


class PredictBody(_Strict):
    """A prediction request."""

    instances: Annotated[list[str | Instance], Field(min_length=1, max_length=MAX_INSTANCES)]
    parameters: Parameters = Field(default_factory=Parameters)
    version: _Positive | None = Field(None, description="ask for this version, whatever the experiment says")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"instances": ["opec ministers agreed to cut crude oil output"]},
                {"instances": [{"text": "the bank of england left its lending rate unchanged"}], "parameters": {"top_k": 3}, "version": 2},
            ]
        }
    )


class Label(BaseModel):
    """A label and its probability."""

    label: str
    score: float


class Truncated(BaseModel):
    """An instance whose text was cut to the model's `max_length`, and how many tokens it had."""

    instance: int
    tokens: int


class PredictResponse(BaseModel):
    """One prediction for each instance, in order: the best label, or with `top_k` a list of labels."""

    predictions: list[Label] | list[list[Label]]
    truncated: list[Truncated] | None = Field(
        None, description="the instances of which the model read only the beginning; absent where there is none"
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"predictions": [{"label": "crude", "score": 0.9871}]}]})


class Error(BaseModel):
    """What is wrong, in a sentence."""

    error: str


_BODY = TypeAdapter(PredictBody)


def body_schema() -> dict[str, Any]:
    """JSON Schema of a request's body, in one piece: references into `$defs` mean nothing inside an OpenAPI document."""
    schema = PredictBody.model_json_schema()
    definitions = schema.pop("$defs")

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inline(definitions[node["$ref"].rpartition("/")[2]])
        return {key: inline(value) for key, value in node.items()}

    inlined: dict[str, Any] = inline(schema)
    return inlined


def parse(raw: bytes) -> PredictBody:
    """Read a request's body.

    Raises:
        MalformedRequest: not JSON, or not UTF-8.
        InvalidRequest: JSON, but not a prediction request; the message names the place and what it must be.
    """
    try:
        return _BODY.validate_json(raw)
    except ValidationError as exc:
        # `from None`: the library's error quotes the client's text, which belongs in no log
        fault = exc.errors(include_input=False, include_url=False)[0]
        if fault["type"] == "json_invalid":
            raise MalformedRequest(f"the body is not JSON in UTF-8: {fault['ctx']['error']}") from None
        raise InvalidRequest(_sentence(fault["loc"], fault["type"], fault["msg"])) from None


def texts(body: PredictBody, max_text_bytes: int) -> list[bytes]:
    """The instances as UTF-8.

    Raises:
        TooLarge: names the instance that is longer than `max_text_bytes`.
    """
    encoded = [(instance if isinstance(instance, str) else instance.text).encode() for instance in body.instances]
    for i, text in enumerate(encoded):
        if len(text) > max_text_bytes:
            raise TooLarge(f"instances.{i} has {len(text)} bytes, at most {max_text_bytes} are allowed; send a shorter text")
    return encoded


def render(prediction: Prediction, top_k: int | None) -> bytes:
    """The response's body."""
    shown: list[dict[str, object]] | list[list[dict[str, object]]]
    if top_k is None:
        shown = [_object(best(row, prediction.labels)) for row in prediction.rows]
    else:
        shown = [[_object(score) for score in ranked(row, prediction.labels, top_k)] for row in prediction.rows]
    answer: dict[str, object] = {"predictions": shown}
    if cut := prediction.truncated():
        answer["truncated"] = [{"instance": i, "tokens": tokens} for i, tokens in cut]
    return orjson.dumps(answer)


def _object(score: Score) -> dict[str, object]:
    return {"label": score.label, "score": score.score}


def _sentence(loc: tuple[int | str, ...], kind: str, message: str) -> str:
    match loc:
        case ():
            return 'the body must be an object such as {"instances": ["a text"]}'
        case ("instances",) if kind == "too_long":
            return f"instances: at most {MAX_INSTANCES} at once; send the rest in another request"
        case ("instances",) if kind == "too_short":
            return "instances: at least one text is needed"
        case ("instances", int() as i, *_):
            return f'instances.{i}: must be a string or an object {{"text": "…"}}'
    return f"{'.'.join(map(str, loc))}: {message}"
