"""KServe v1 (`:predict`): JSON → instances and parameters → items; rows → predictions → JSON."""

from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.dialects.json_body import Positive, Strict
from gateway.dialects.texts import encoded
from gateway.errors import InvalidRequest, MalformedRequest
from gateway.faults import Fault, dotted, faults
from gateway.request.prediction import Item, Prediction
from gateway.tasks.task import Instance, Task, require_parameters

MAX_INSTANCES = 64
MAX_DOCUMENTS = 1000


class Text(Strict):
    """One text, as a bare string is."""

    text: str


class TextPair(Strict):
    """A pair of texts, for models that classify pairs."""

    text: str
    text_pair: str


class Question(Strict):
    """A question and the text that holds its answer."""

    question: str
    context: str


class Ranking(Strict):
    """A query and the documents to rank."""

    query: str
    documents: Annotated[list[str], Field(min_length=1, max_length=MAX_DOCUMENTS)]


class Parameters(Strict):
    """Options of all instances; each task takes some of them."""

    top_k: Positive | None = Field(None, description="the k best labels, documents or answers, as a list")
    aggregation_strategy: str | None = Field(None, description="token-classification: none, simple, first, average or max")
    max_answer_length: Positive | None = Field(None, description="question-answering: longest answer, tokens")
    handle_impossible_answer: bool | None = Field(None, description="question-answering: whether there may be no answer")
    candidate_labels: list[str] | None = Field(None, description="zero-shot-classification: the labels to choose from, at most 1000")
    hypothesis_template: str | None = Field(None, description="zero-shot-classification: a sentence with {} for the label")
    multi_label: bool | None = Field(None, description="zero-shot-classification: whether several labels may hold")


AnyInstance = str | Text | TextPair | Question | Ranking


class PredictBody(Strict):
    """A prediction request."""

    instances: Annotated[list[AnyInstance], Field(min_length=1, max_length=MAX_INSTANCES)]
    parameters: Parameters = Field(default_factory=Parameters)
    version: Positive | None = Field(None, description="ask for this version, whatever the experiment says")

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
    """An instance of which the model read only its first `max_length` tokens, and how many it
    has.
    """

    instance: int
    tokens: int


class PredictResponse(BaseModel):
    """One prediction for each instance, in order.

    text-classification: `{"label", "score"}`, or a list of them with `top_k` and where several
    labels may hold; token-classification: a list of `{"label", "score", "start", "end"}`;
    feature-extraction: a list of numbers; text-ranking: a list of `{"index", "score"}`, best first;
    question-answering: a list of `{"answer", "start", "end", "score"}`; zero-shot-classification:
    `{"labels", "scores"}`.
    """

    predictions: list[dict[str, Any] | list[dict[str, Any]] | list[float]]
    truncated: list[Truncated] | None = Field(
        None, description="the instances of which the model read only the beginning; absent where there is none"
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"predictions": [{"label": "crude", "score": 0.9871}]}]})


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
        # an instance that fits no kind has a fault for each kind: the one in a list of documents
        # says most
        fault = next((fault for fault in found if fault.place[-1:] == ("documents",) and fault.kind.startswith("too_")), found[0])
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
    return task.items(_encoded(instance, place, name, task.fields, max_text_bytes), parameters)


def given(parameters: Parameters) -> dict[str, Any]:
    """The parameters that the request brought."""
    return parameters.model_dump(exclude_none=True) if parameters.model_fields_set else {}


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


def _encoded(instance: AnyInstance, place: str, name: str, fields: tuple[str, ...], max_text_bytes: int) -> Instance:
    values = {"text": instance} if isinstance(instance, str) else dict(instance)
    if tuple(values) != fields:
        example = ", ".join(f'"{field}": ["…"]' if field == "documents" else f'"{field}": "…"' for field in fields)
        raise InvalidRequest(f"{place}: a model for {name} takes {{{example}}}")
    return {field: _bytes(value, place, max_text_bytes) for field, value in values.items()}


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
        case ("instances", int() as i, "Ranking", "documents") if kind in ("too_long", "too_short"):
            return f"instances.{i}.documents: from 1 to {MAX_DOCUMENTS}"
        case ("instances", int() as i, *_):
            return f'instances.{i}: must be a string, or an object such as {{"text": "…"}} with the fields of the task and no others'
        case _ if fault.unknown_field:
            return f"{dotted(fault.known_place) or 'the body'} has a field that is not known; see /docs"
    return fault.sentence
