"""KServe v1 (`:predict`): JSON → instances and parameters → items; rows → predictions → JSON."""

from collections.abc import Iterator, Mapping
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from gateway.dialects.texts import encoded
from gateway.errors import InvalidRequest, MalformedRequest
from gateway.faults import Fault, faults
from gateway.request.json_types import FIRST_FAULT, Positive, Strict, Tolerant
from gateway.request.prediction import Item, Prediction
from gateway.request.request_limits import MAX_ITEMS
from gateway.tasks import SERVED_TASKS
from gateway.tasks.instance import MAX_TEXTS, Text, fields_of
from gateway.tasks.task import Instance, Task, require_parameters

MAX_INSTANCES = MAX_ITEMS


def _instance_types() -> Iterator[type[Strict]]:
    """The forms of instances, each once: what tells two apart is the names of their fields."""
    found: dict[tuple[str, ...], type[Strict]] = {}
    for task in SERVED_TASKS.values():
        found.setdefault(fields_of(task.instance), task.instance)
    # those with lists stand last
    return iter(sorted(found.values(), key=lambda model: any(map(_is_list, model.model_fields.values()))))


def _is_list(field: FieldInfo) -> bool:
    return field.annotation is not str


def _parameters() -> dict[str, Any]:
    """All that some task takes."""
    models = [task.parameters for task in SERVED_TASKS.values()]
    return {name: (field.annotation, field) for model in models for name, field in model.model_fields.items()}


if TYPE_CHECKING:
    # a type checker cannot read the registry
    AnyInstance: TypeAlias = str | Strict
    Parameters: TypeAlias = Strict
else:
    AnyInstance = Union[(str, *_instance_types())]
    Parameters = create_model(
        "Parameters", __base__=Tolerant, __doc__="Options of all instances; each task takes some of them.", **_parameters()
    )


class PredictBody(Tolerant):
    """A prediction request."""

    instances: Annotated[list[AnyInstance], Field(min_length=1, max_length=MAX_INSTANCES), FIRST_FAULT]
    parameters: Parameters | None = None
    version: Positive | None = Field(None, description="ask for this version, whatever the experiment says")
    signature_name: str | None = Field(None, description="TensorFlow Serving's: changes nothing")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"instances": ["opec ministers agreed to cut crude oil output"]},
                {"instances": [{"text": "the bank of england left its lending rate unchanged"}], "parameters": {"top_k": 3}, "version": 2},
                {"instances": [{"query": "who cut output?", "documents": ["opec ministers agreed to cut crude oil output", "rates rose"]}]},
            ]
        }
    )


class Truncated(BaseModel):
    """An instance of which the model read only its first `max_length` tokens, and how many it has
    (at least: a very long text is not tokenized to its end).
    """

    instance: int
    tokens: int


def _predictions() -> str:
    """What a prediction of each task is."""
    answers = {name: task.answers for (name, _), task in SERVED_TASKS.items()}
    return "; ".join(f"{name}: {answer}" for name, answer in answers.items()) + "."


class PredictResponse(BaseModel):
    """One prediction for each instance, in order."""

    predictions: list[dict[str, Any] | list[dict[str, Any]] | list[float]]
    truncated: list[Truncated] | None = Field(
        None, description="the instances of which the model read only the beginning; absent where there is none"
    )

    model_config = ConfigDict(
        json_schema_extra={
            "description": f"{__doc__}\n\n{_predictions()}",
            "examples": [{"predictions": [{"label": "crude", "score": 0.9871}]}],
        }
    )


class Error(BaseModel):
    """What is wrong, in a sentence."""

    error: str


_BODY = TypeAdapter(PredictBody)


def parse(raw: bytes) -> PredictBody:
    """Read a request's body.

    Raises:
        MalformedRequest: not JSON, or not UTF-8.
        InvalidRequest: JSON, but not a prediction request; the message names the place and what it
            must be.
    """
    try:
        return _BODY.validate_json(raw)
    except ValidationError as exc:
        # `from None`: the library's error quotes the client's text, which belongs in no log
        found = faults(exc)
        # an instance that fits no kind has a fault for each: one about a list's length says most
        fault = next((fault for fault in found if len(fault.place) > 1 and fault.kind.startswith("too_")), found[0])
        if fault.not_json:
            raise MalformedRequest(f"the body is not JSON in UTF-8: {fault.not_json}") from None
        raise InvalidRequest(_sentence(fault)) from None


def items(body: PredictBody, name: str, task: Task, max_text_bytes: int) -> list[list[Item]]:
    """The items of each instance, for a model whose task is called `name`.

    Raises:
        InvalidRequest: an instance or a parameter is not one that the task takes.
        TooLarge: names the instance with a text of more than `max_text_bytes`.
    """
    parameters = given(body.parameters)
    require_parameters(task, name, parameters)
    return [instance_items(instance, f"instances.{i}", name, task, parameters, max_text_bytes) for i, instance in enumerate(body.instances)]


def instance_items(
    instance: AnyInstance, place: str, name: str, task: Task, parameters: Mapping[str, Any], max_text_bytes: int
) -> list[Item]:
    """The items of one instance, which stands at `place` in the request.

    The task takes these parameters: `require_parameters` has let them pass.

    Raises:
        InvalidRequest, TooLarge: as `items`.
    """
    return task.items(_encoded(instance, place, name, task.instance, max_text_bytes), parameters)


def given(parameters: Parameters | None) -> dict[str, Any]:
    """The parameters that the request brought."""
    return {} if parameters is None else parameters.model_dump(exclude_none=True)


def render(prediction: Prediction, task: Task, parameters: Mapping[str, Any], sizes: list[int]) -> bytes:
    """The response's body; `sizes` holds the number of items of each instance."""
    ranges = list(pairwise(accumulate(sizes, initial=0)))
    shown = [task.prediction(prediction.manifest, prediction.rows[first:end], parameters) for first, end in ranges]
    response: dict[str, object] = {"predictions": shown}
    if cut := dict(prediction.truncated()):
        longest = ((i, max(cut.get(item, 0) for item in range(first, end))) for i, (first, end) in enumerate(ranges))
        response["truncated"] = [{"instance": i, "tokens": tokens} for i, tokens in longest if tokens]
    return orjson.dumps(response)


def shown(sizes: list[int], parameters: Mapping[str, Any]) -> bytes:
    """What distinguishes responses that show the same rows."""
    return (
        b"kserve_v1" if not parameters and sizes == [1] else b"kserve_v1" + orjson.dumps([sizes, parameters], option=orjson.OPT_SORT_KEYS)
    )


def _encoded(instance: AnyInstance, place: str, name: str, model: type[Strict], max_text_bytes: int) -> Instance:
    given, values = (Text, {"text": instance}) if isinstance(instance, str) else (type(instance), dict(instance))
    if given is not model and fields_of(given) != fields_of(model):
        example = ", ".join(f'"{field}": {_example(info)}' for field, info in model.model_fields.items())
        raise InvalidRequest(f"{place}: a model for {name} takes {{{example}}}")
    return {field: _bytes(value, place, max_text_bytes) for field, value in values.items()}


def _example(field: FieldInfo) -> str:
    return '["…"]' if _is_list(field) else '"…"'


def _bytes(value: Any, place: str, max_text_bytes: int) -> Any:
    if isinstance(value, list):
        return [encoded(text, place, max_text_bytes) for text in value]
    return encoded(value, place, max_text_bytes)


def _sentence(fault: Fault) -> str:
    kind = fault.kind
    match fault.place:
        case ():
            return 'the body must be an object such as {"instances": ["a text"]}'
        case ("instances",) if kind == "too_long":
            return f"instances: at most {MAX_INSTANCES} at once; send the rest in another request"
        case ("instances",) if kind == "too_short":
            return "instances: at least one text is needed"
        case ("instances", int() as i, _, field) if kind in ("too_long", "too_short"):
            return f"instances.{i}.{field}: from 1 to {MAX_TEXTS}"
        case ("instances", int() as i, *_):
            return f'instances.{i}: must be a string, or an object such as {{"text": "…"}} with the fields of the task and no others'
    return fault.sentence_of_unknown_field if fault.unknown_field else fault.sentence
