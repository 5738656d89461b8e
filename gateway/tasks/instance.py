"""Instances and parameters that several tasks take; what one task alone takes lies in its file."""

from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from gateway.request.json_types import FIRST_FAULT, Positive, Strict
from gateway.request.request_limits import MAX_ITEMS

MAX_TEXTS = MAX_ITEMS
"""No list of texts in an instance is longer; how many a request may have is a setting below it."""

Texts = Annotated[list[str], Field(min_length=1, max_length=MAX_TEXTS), FIRST_FAULT]
"""A list in an instance."""

Labels = Annotated[list[str], Field(max_length=MAX_TEXTS), FIRST_FAULT]
"""A list of labels in parameters."""


class Text(Strict):
    """One text, as a bare string is."""

    text: str


class TopK(Strict):
    """The parameters of a task whose answers are sorted."""

    top_k: Positive | None = Field(None, description="the k best labels, documents or answers, as a list")


class Prompted(Strict):
    """The parameters of a task whose models may have prompts."""

    prompt_name: str | None = Field(None, description='the prompt to put before the text, of those that the model has; "" for none')
    input_type: Literal["query", "document"] | None = Field(
        None, description="whether a text is a query or a document, for models that have prompts for them"
    )


@cache
def fields_of(model: type[Strict]) -> tuple[str, ...]:
    """The names of a model's fields, in their order."""
    return tuple(model.model_fields)
